"""One frame at a time through a GRU: the rows of the whole sequence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from export_subjects import content, subject

from skelf.data.clips import ClipSet
from skelf.data.normalize_frames import FrameNormalizer
from skelf.export import check
from skelf.export.check_steps import compare_steps, walk, whole
from skelf.export.graphs import Answers
from skelf.export.stepping import StepGraph, first_states, frames_of
from skelf.export.subject import Subject
from skelf.streams import STREAMS

CAUSAL = ("none", "centre", "centre-frames", "root", "agcn", "centre+facing", "upright")


def rows_of(of: Subject, joints: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities and features `(N, T, ...)` of `(N, T, M, V, C)`, frame by frame."""
    graph = StepGraph(of.encoder, Answers(of.head, of.temperature)).eval()
    states, width, rows = first_states(of.encoder, len(joints)), frames_of(of.encoder), []
    with torch.no_grad():
        for t in range(joints.shape[1] - width + 1):
            probabilities, features, *states = graph(joints[:, t : t + width], *states)
            rows.append((probabilities, features))
        if width == 2:  # the last frame, given twice
            last = joints[:, -1:].expand(-1, 2, -1, -1, -1)
            rows.append(graph(last, *states)[:2])
    probabilities, features = (torch.stack(each, dim=1) for each in zip(*rows, strict=True))
    return probabilities, features


@pytest.mark.parametrize("normalize", CAUSAL)
@pytest.mark.parametrize("stream", STREAMS)
def test_steps_give_what_the_whole_sequence_gives(stream: str, normalize: str) -> None:
    of = subject("gru", stream=stream, normalize=normalize)
    clips = check.random_clips(of, [7, 7])
    joints = torch.from_numpy(check.feeds_of(clips, np.arange(2), 2)["joints"])
    found, expected = rows_of(of, joints), whole(of, clips)
    for place, name in enumerate(("probabilities", "features")):
        torch.testing.assert_close(found[place], expected[name], rtol=1e-4, atol=1e-5)
    check_live(of, joints, found[1])


@pytest.mark.parametrize("normalize", ["root", "centre-frames"])
def test_steps_before_anybody_is_there(normalize: str) -> None:
    of = subject("gru", normalize=normalize)
    clips = check.random_clips(of, [7])
    clips.joints[:2, 0] = 0  # person 0 comes later, the other is there
    joints = torch.from_numpy(check.feeds_of(clips, np.arange(1), 2)["joints"])
    found = rows_of(of, joints)[1]
    torch.testing.assert_close(found, whole(of, clips)["features"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalize", ["centre", "upright", "agcn"])
def test_the_first_frame_with_person_0_is_the_first(normalize: str) -> None:
    """What comes before it is not moved; from it on all is as if nothing had been before."""
    of = subject("gru", normalize=normalize, persons=1)
    clips = check.random_clips(of, [7])
    joints = torch.from_numpy(check.feeds_of(clips, np.arange(1), 1)["joints"])
    late = torch.cat([torch.zeros_like(joints[:, :2]), joints], dim=1)
    check_live(of, late, rows_of(of, late)[1])
    clips = ClipSet.build(late[0].numpy(), [9], of.needs.skeleton)
    torch.testing.assert_close(
        rows_of(of, late)[1], whole(of, clips)["features"], rtol=1e-4, atol=1e-5
    )


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
@pytest.mark.parametrize("stream", ["joint", "motion"])
def test_an_exported_step(stream: str) -> None:
    of = subject("gru", stream=stream, normalize="agcn")
    made = content("gru", step=True, stream=stream, normalize="agcn")
    clips = check.random_clips(of, [30, 30, 30], seed=1)
    assert compare_steps(made, of, clips).largest < 1e-5
    rows = walk(check.session(made), of, check.feeds_of(clips, np.arange(3), 2)["joints"])
    assert rows["features"].shape == (3, 30 - (stream == "motion"), 12)
