"""One frame at a time through a GRU: the rows of the whole sequence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from export_subjects import content, subject

from skelf.data.normalize_frames import FrameNormalizer
from skelf.export import check
from skelf.export.check_steps import compare_steps, walk, whole
from skelf.export.graphs import Answers
from skelf.export.stepping import StepGraph, first_states, frames_of
from skelf.export.subject import Subject
from skelf.streams import STREAMS

CAUSAL = ("none", "centre", "centre-frames", "root", "agcn", "centre+facing", "upright")


@pytest.mark.parametrize("normalize", CAUSAL)
@pytest.mark.parametrize("stream", STREAMS)
def test_steps_give_what_the_whole_sequence_gives(stream: str, normalize: str) -> None:
    of = subject("gru", stream=stream, normalize=normalize)
    clips = check.random_clips(of, [7, 7])
    clips.joints[:2, 0] = 0  # person 0 comes later, the other is there
    graph = StepGraph(of.encoder, Answers(of.head, of.temperature)).eval()
    joints = torch.from_numpy(check.feeds_of(clips, np.arange(2), 2)["joints"])
    states, width = first_states(of.encoder, 2), frames_of(of.encoder)
    rows = []
    with torch.no_grad():
        for t in range(7 - width + 1):
            probabilities, features, *states = graph(joints[:, t : t + width], *states)
            rows.append((probabilities, features))
        if stream == "motion":  # the last frame, given twice
            last = joints[:, -1:].expand(-1, 2, -1, -1, -1)
            rows.append(graph(last, *states)[:2])
    check_live(of, joints, torch.stack([row[1] for row in rows], dim=1))
    # Before person 0 is there, a whole sequence is moved by a frame that is still to come.
    first = 0 if set(normalize.split("+")) <= {"none", "root", "centre-frames"} else 2
    expected = whole(of, clips)
    for place, name in enumerate(("probabilities", "features")):
        found = torch.stack([row[place] for row in rows], dim=1)
        if first == 0:
            torch.testing.assert_close(found, expected[name], rtol=1e-4, atol=1e-5)
        else:
            torch.testing.assert_close(found[1:], expected[name][1:], rtol=1e-4, atol=1e-5)


def check_live(of: Subject, joints: torch.Tensor, features: torch.Tensor) -> None:
    """The same by the steps of `skelf live`, to the last frame that needs none after it."""
    for clip, expected in zip(joints.permute(0, 1, 4, 3, 2).numpy(), features, strict=True):
        normalized = FrameNormalizer(of.needs.normalize, of.needs.skeleton, 3, window=8)
        steps = of.encoder.steps()
        state, vectors = steps.start(), []
        for frame in clip:  # (C, V, M)
            vector, state = steps(normalized(frame), state)
            vectors += [] if vector is None else [vector]
        found = torch.from_numpy(np.stack(vectors))
        torch.testing.assert_close(found, expected[: len(found)], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("stream", STREAMS)
def test_an_exported_step(stream: str) -> None:
    of = subject("gru", stream=stream, normalize="agcn")
    made = content("gru", step=True, stream=stream, normalize="agcn")
    clips = check.random_clips(of, [30, 30, 30], seed=1)
    assert compare_steps(made, of, clips).largest < 1e-5
    rows = walk(check.session(made), of, check.feeds_of(clips, np.arange(3), 2)["joints"])
    assert rows["features"].shape == (3, 30 - (stream == "motion"), 12)
