"""Segments of a recording that comes block by block: those of the whole recording at once."""

import numpy as np
import pytest
import torch

from skelf.inference.flow import Finder, Means
from skelf.protocols.recordings import find
from skelf.protocols.rules import Rules
from skelf.protocols.windows import average
from skelf.settings.options import from_flat

RULES = [
    {"proposals": "growing"},
    {"proposals": "growing", "threshold": 0.6, "smoothing": 0},
    {"proposals": "growing", "smoothing": 40},
    {"proposals": "background"},
    {"proposals": "background", "threshold": 0.9, "shortest": 4},
    {"proposals": "class", "threshold": 0.2, "nms": 0.3},
    {"proposals": "class", "smoothing": 0},
    {"proposals": "growing-official"},
    {"proposals": "class", "smoothing_form": "official"},
]


def probabilities(frames, seed, *, sticky=9):
    """Runs of likely classes, of changing sureness."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(frames, 4)) * 0.7
    labels = np.repeat(rng.integers(0, 4, frames // sticky + 1), sticky)[:frames]
    logits[np.arange(frames), labels] += rng.uniform(0, 4, frames // sticky + 1)[
        np.arange(frames) // sticky
    ]
    return torch.from_numpy(logits).softmax(dim=1).float().numpy()


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_blocks_of_any_size_give_what_the_whole_recording_gives(rules, size):
    rules = from_flat(Rules, {"unit": "frames", **rules})
    counts = rules.counts(30.0, 0.5)
    for seed, frames in enumerate([1, 2, 33, 400]):
        p = probabilities(frames, seed)
        finder = Finder(rules, counts)
        for begin in range(0, frames, size):
            finder.add(p[begin : begin + size], last=begin + size >= frames)
        found = finder.end()
        whole = find(p, np.array([frames]), rules, [counts])
        for ours, theirs in zip(found[:3], whole[1:4], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_allclose(found.score, whole.score, rtol=1e-12)


def test_a_rule_forgets_what_is_settled():
    rules = from_flat(Rules, {"unit": "frames"})
    finder = Finder(rules, rules.counts(30.0, 0.5))
    for _ in range(50):  # an action of 30 frames, then a pause
        p = np.zeros((100, 3), np.float32)
        p[:30, 1], p[30:, 0] = 1, 1
        finder.add(p)
        assert len(finder.rule.p) < 100 and len(finder.smoothing.total) < 50
    assert len(finder.rule.end().start) == 50


def test_means_are_those_of_all_rows_at_once():
    frame = torch.tensor([0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5])
    values = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    means, parts = Means(3, torch.device("cpu")), []
    for begin, settled in ((0, 1), (3, 2), (6, 3), (9, 6)):
        means.add(frame[begin : begin + 3], values[begin : begin + 3])
        parts.append(means.take(settled))
    np.testing.assert_array_equal(np.concatenate(parts), average(values, frame, 6).numpy())
