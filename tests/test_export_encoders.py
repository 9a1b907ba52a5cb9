"""Every encoder and every preparation as an exported file, beside the way of the commands."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from export_subjects import content, subject
from torch.export import Dim

from skelf.data.normalize_names import NORMALISERS
from skelf.export import check
from skelf.export.graphs import Preparation

ENCODERS = ("sttr", "dste", "gru", "stgcn", "hcn", "byname", "patches")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_of_frames(name: str) -> None:
    of = subject(name, "detector")  # those of clips: test_export_answers.py
    clips = check.random_clips(of, [1, 2, 7, 50, 8], seed=3)
    checked = check.compare(content(name, "detector"), of, True, clips)
    assert checked.largest < 1e-5 and checked.clips == 5


@pytest.mark.parametrize(
    ("name", "stream"), [("sttr", "bone"), ("gru", "motion"), ("byname", "motion")]
)
def test_streams(name: str, stream: str) -> None:
    of = subject(name, stream=stream)
    clips = check.random_clips(of, [9, 30], seed=4)
    made = content(name, stream=stream)
    assert check.compare(made, of, False, clips).largest < 1e-5


@pytest.mark.parametrize("normalize", NORMALISERS)
def test_every_normalisation(normalize: str) -> None:
    of = subject("sttr", "encoder", normalize=normalize)
    with torch.no_grad():
        joints, lengths = torch.ones(2, 11, 2, 25, 3), torch.tensor([11, 7])
        N, T = Dim("batch"), Dim("frames")
        program = torch.export.export(
            Preparation(of.encoder), (joints, lengths), dynamic_shapes=({0: N, 1: T}, {0: N})
        )
    for lengths in ([1], [5, 30], [12, 3, 9, 1]):
        feeds = check.feeds_of(check.random_clips(of, lengths), np.arange(len(lengths)), 2)
        given = [torch.from_numpy(value) for value in feeds.values()]
        ours, theirs = program.module()(*given), Preparation(of.encoder)(*given)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
