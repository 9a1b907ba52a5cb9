"""The benchmarks run, and both paths that they time compute the same numbers."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import BENCHMARKS, features, machine, reference_views, steps
from benchmarks.__main__ import markdown, run
from benchmarks.timing import Effort, interleaved
from skelf.augment_views import ExtremeDraws, extreme_view
from skelf.layouts import NTU25
from skelf.methods import OFFICIAL

TINY = Effort(sizes=("tiny",), repeats=1, threads=(1,))


@pytest.mark.parametrize("name", ["aimclr", "skeletonclr"])
def test_a_step_of_both_paths_gives_the_same_numbers(name):
    method, plain = (model.double() for model in steps.pair(name, "tiny", dropout=0.0))
    drawn = method.views(*steps.clips("tiny"), torch.Generator().manual_seed(0))
    views = [view.double() for view in drawn]
    ours, theirs = method(*views)["loss"], plain.loss(plain.contrast(*views))
    torch.testing.assert_close(ours, theirs)
    ours.backward()
    theirs.backward()
    method.after_step()
    plain.after_step()
    state = OFFICIAL[name].save(method)
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(state[key].to(value), value, rtol=1e-5, atol=1e-7)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.copy_(0 if parameter.grad is None else parameter.grad)
    gradients = OFFICIAL[name].save(method)
    moved = 0
    for key, parameter in plain.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(
                gradients[key].to(parameter), parameter.grad, rtol=1e-4, atol=1e-6
            )
            moved += bool(parameter.grad.abs().max() > 1e-4)
    assert moved > 40


def test_views_of_both_paths_are_the_same():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 3, 24, 25, 2, generator=generator)
    random = np.random.default_rng(0)
    draws = [
        reference_views.Draws(
            start=int(random.integers(9)),
            shear=random.normal(size=(3, 3)),
            flipped=bool(i % 2),
            rotation=random.normal(size=(3, 3)),
            noise=random.normal(size=x.shape[1:]) if i % 3 else None,
            sigma=0.4 + i if i < 4 else None,
            axis=i % 3 if i > 2 else None,
        )
        for i in range(len(x))
    ]
    slow = reference_views.collate(
        [reference_views.extreme(c.numpy(), d, NTU25.flip) for c, d in zip(x, draws, strict=True)]
    )
    noise = [np.zeros(x.shape[1:]) if d.noise is None else d.noise for d in draws]
    fast = extreme_view(
        x,
        ExtremeDraws(
            start=torch.tensor([d.start for d in draws]),
            padding=4,
            shears=torch.tensor(np.stack([d.shear for d in draws])).float(),
            flipped=torch.tensor([d.flipped for d in draws]),
            rotations=torch.tensor(np.stack([d.rotation for d in draws])).float(),
            backwards=torch.zeros(len(x), dtype=torch.bool),
            noise=torch.tensor(np.stack(noise)).float(),
            sigma=torch.tensor([d.sigma or 0.0 for d in draws]),
            axis=torch.tensor([-1 if d.axis is None else d.axis for d in draws]),
        ),
        NTU25,
    )
    torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-4)


def test_drawn_views_have_their_shapes_and_differ():
    _, plain = steps.pair("aimclr", "tiny")
    x, lengths = steps.clips("tiny")
    views = plain.views(x, lengths, 8, list(range(15)))
    assert [tuple(view.shape) for view in views] == [(4, 3, 8, 15, 2)] * 3
    assert not torch.equal(views[1], views[2])


@torch.no_grad()
def test_features_of_both_paths_are_the_same():
    fast, slow, x = features.pair("tiny")
    torch.testing.assert_close(fast(x), features.plain_features(slow, x))


def test_flops():
    plain, fast = steps.flops("aimclr", "paper")
    assert plain == pytest.approx(0.276e12, rel=0.03)  # as the speed of the release was counted
    assert fast < 0.6 * plain


def test_every_benchmark_runs_and_is_printed(tmp_path):
    found = run(list(BENCHMARKS), TINY, peak_size=64)
    assert json.loads(json.dumps(found)) == found
    assert {row["benchmark"] for row in found["rows"]} == set(BENCHMARKS)
    assert all(row["ratio"] > 0 and row["skelf s"] > 0 for row in found["rows"])
    page = markdown(found)
    assert all(f"| {name} |" in page for name in BENCHMARKS)
    assert found["about"]["torch"] in page
    assert machine.copy_bandwidth(1, repeats=1) > 0


def test_interleaved_takes_turns():
    order = []

    def step(name):
        def call(lap):
            order.append(name)
            lap("first")
            lap("second")

        return call

    times = interleaved({"a": step("a"), "b": step("b")}, repeats=3)
    assert order == ["a", "b"] * 4
    assert times["a"].parts.keys() == {"first", "second"} and times["b"].wall > 0
