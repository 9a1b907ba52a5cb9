"""The benchmarks run, and both paths that they time compute the same numbers."""

import json
import sys
from mmap import mmap
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import (
    BENCHMARKS,
    export,
    features,
    import_ntu,
    live,
    machine,
    masked_step,
    predict,
    predict_work,
    probe,
    query,
    reference_views,
    search,
    steps,
    store,
    usdrl_step,
    views,
)
from benchmarks.__main__ import markdown, plan, run
from benchmarks.fresh import fresh, peak_of
from benchmarks.timing import Effort, interleaved
from skelf.augment.aimclr_views import ExtremeDraws, extreme_view
from skelf.augment.basic import crop_resize, map_joints
from skelf.augment.pcm3 import Mix, mix
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


def test_a_step_of_mamp_gives_the_same_numbers():
    models = {side: model.double() for side, model in masked_step.models("tiny").items()}
    method, released, plain = models["skelf"], models["released"], models["plain"]
    drawn = method.views(*masked_step.clips("tiny"), torch.Generator().manual_seed(0))
    views = [v.double() if v.is_floating_point() else v for v in drawn]
    ours, theirs = (masked_step.loss_of(model, views) for model in (method, released))
    torch.testing.assert_close(ours, theirs)
    ours.backward()
    theirs.backward()
    gradients = {name: p.grad for name, p in released.named_parameters()}
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.copy_(parameter.grad)
    released.take(method)  # under its names and in its shapes
    for name, parameter in released.named_parameters():
        torch.testing.assert_close(gradients[name], parameter, rtol=1e-9, atol=1e-10, msg=name)
    # Nothing hidden, all of it shown: the whole sequence is the visible one.
    models = {side: model.double() for side, model in masked_step.models("tiny").items()}
    order = torch.cat([drawn.kept, drawn.hidden], dim=2)
    embedded = [
        models[side].tokens(views[0], order, order[..., :0]) for side in ("plain", "released")
    ]
    back = order.flatten(0, 1).argsort(dim=1)[..., None].expand_as(embedded[0])
    torch.testing.assert_close(embedded[0], embedded[1].gather(1, back))
    assert plain.hidden is not None and released.hidden is None


def test_a_step_of_usdrl_gives_the_same_numbers():
    method, plain = usdrl_step.pair("tiny", drop=0.0)
    drawn = method.views(*usdrl_step.clips("tiny"), torch.Generator().manual_seed(0))
    ours, theirs = method(*drawn)["loss"], plain.loss(plain(*drawn))
    torch.testing.assert_close(ours, theirs)
    ours.backward()
    theirs.backward()
    state = OFFICIAL["usdrl"].save(method)
    for key, value in plain.state_dict().items():  # running statistics among them
        torch.testing.assert_close(state[key], value)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.copy_(parameter.grad)
    gradients, moved = OFFICIAL["usdrl"].save(method), 0
    for key, parameter in plain.named_parameters():
        torch.testing.assert_close(gradients[key], parameter.grad, rtol=1e-3, atol=1e-4)
        moved += bool(parameter.grad.abs().max() > 1e-3)
    assert moved > 60


@pytest.mark.slow
def test_flops_of_usdrl():
    plain, fast = usdrl_step.flops("paper")
    assert plain == pytest.approx(4.85e12, rel=0.003)  # as the speed of the release was counted
    assert 0.98 * plain < fast < plain


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


def test_crops_shears_and_corruption_of_both_paths_are_the_same():
    random = np.random.default_rng(0)
    lengths, start, span = [24, 9, 17, 1], [3, 0, 10, 0], [20, 9, 7, 1]
    x = torch.zeros(4, 3, 24, 25, 2)
    for i, length in enumerate(lengths):
        x[i, :, :length] = torch.randn(3, length, 25, 2)
    cut = [
        reference_views.resize(c[:, a : a + n].numpy(), 8)
        for c, a, n in zip(x, start, span, strict=True)
    ]
    fast = crop_resize(x, torch.tensor(start), torch.tensor(span), 8)
    torch.testing.assert_close(fast, reference_views.collate(cut))
    matrices = random.normal(size=(4, 3, 3))
    joints = [random.permutation(25)[:15] for _ in range(4)]
    mask = torch.zeros(4, 25, dtype=torch.bool)
    for row, chosen in zip(mask, joints, strict=True):
        row[chosen] = True
    for slow, which in (
        ([reference_views.turn(c, m) for c, m in zip(cut, matrices, strict=True)], None),
        (list(map(reference_views.corrupt, cut, matrices, joints)), mask),
    ):
        made = map_joints(fast, torch.from_numpy(matrices).float(), which)
        torch.testing.assert_close(made, reference_views.collate(slow), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["cut", "resize", "mixup"])
def test_mixing_of_both_paths_is_the_same(kind):
    x, joints = torch.randn(5, 3, 16, 25, 2), np.array([3, 4, 9])
    draws = reference_views.MixDraws(2, kind, start=4, length=8, joints=joints, blend=0.3)
    slow = reference_views.mix(list(x.numpy()), draws)
    frame, weight = torch.arange(16), torch.zeros(16, 25)
    weight[4:12, joints] = 1.0
    source = (frame - 4).clamp_min(0) * 2 if kind == "resize" else frame
    weight = torch.full_like(weight, 0.3) if kind == "mixup" else weight
    made = mix(x, *Mix((torch.arange(5) + 2) % 5, source.clamp_max(15), weight))
    torch.testing.assert_close(made, reference_views.collate(slow))


@pytest.mark.parametrize("method", list(views.VIEWS))
def test_both_paths_make_views_of_one_shape(method):
    clips, frames = views.clip_set("tiny"), views.SIZES["tiny"]["frames"][method]
    x = [clips.clip(i).transpose(3, 0, 2, 1) for i in range(4)]
    slow = views.slow(method, x, frames, clips.skeleton)
    padded = torch.zeros(4, 3, 20, 15, 2)
    for row, clip in zip(padded, x, strict=True):
        row[:, : clip.shape[1]] = torch.from_numpy(clip)
    lengths, generator = torch.from_numpy(clips.length[:4]), torch.Generator().manual_seed(0)
    fast = views.fast(method, padded, lengths, frames, clips.skeleton, generator)
    assert len(slow) == len(fast) == views.VIEWS[method]
    for one, other in zip(slow, fast, strict=True):
        assert one.shape == other.shape == (4, 3, 8, 15, 2)
        assert one.dtype == other.dtype == torch.float32
        assert not torch.equal(one, slow[0]) or one is slow[0]


@pytest.mark.parametrize("name", list(search.NEIGHBOURS))
def test_search_of_both_sides_finds_the_same(name):
    f = search.data("tiny")
    assert search.ours(name, f) == search.theirs(name, f) > 0.4


def test_a_query_finds_what_the_scan_finds_and_says_how_much(monkeypatch):
    monkeypatch.setattr(query, "fresh", lambda function, *given: function(*given))
    (row,) = query.query(TINY, 1.0)
    assert row["recall@10"] >= 0.97 and row["recall@10 said by the index"] >= 0.98
    assert row["skelf s"] > 0 and row["plain s"] > 0 and row["index GB"] < 0.01


def test_drawn_views_have_their_shapes_and_differ():
    _, plain = steps.pair("aimclr", "tiny")
    x, lengths = steps.clips("tiny")
    views = plain.views(x, lengths, 8, list(range(15)))
    assert [tuple(view.shape) for view in views] == [(4, 3, 8, 15, 2)] * 3
    assert not torch.equal(views[1], views[2])


@torch.no_grad()
@pytest.mark.parametrize("pair", [features.pair, features.usdrl_pair])
def test_features_of_both_paths_are_the_same(pair):
    fast, slow, x = pair("tiny")
    torch.testing.assert_close(fast(x), slow(x))


@pytest.mark.slow
def test_an_exported_file_gives_what_torch_gives():
    ways = export.ways("sttr", "tiny")
    np.testing.assert_allclose(ways["skelf"](), ways["plain"](), atol=1e-5)


def test_a_live_step_gives_what_the_window_gives():
    answers = {name: way() for name, way in live.ways("tiny").items()}
    for name in ("window", "torch"):
        np.testing.assert_allclose(answers["skelf"], answers[name], atol=1e-5)


@pytest.mark.slow
def test_flops():
    plain, fast = steps.flops("aimclr", "paper")
    assert plain == pytest.approx(0.276e12, rel=0.03)  # as the speed of the release was counted
    assert fast < 0.6 * plain


def test_both_paths_of_predicting_find_the_same(tmp_path):
    store = str(tmp_path / "recording.h5")
    predict_work.long_recording(store, "tiny", 300)
    found = predict_work.side("plain", store, "tiny", "overlap")()[1]
    ours = predict_work.side("skelf", store, "tiny", "overlap")()
    rows = [(s.start_frame, s.end_frame, int(s.label.split()[1])) for s in ours]
    theirs = zip(found.start.tolist(), found.end.tolist(), found.label.tolist(), strict=True)
    assert len(rows) and rows == list(theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(BENCHMARKS))
def test_every_benchmark_runs_and_is_printed(name, monkeypatch, tmp_path):
    for module in (usdrl_step, predict, probe, search, query, store, import_ntu):
        monkeypatch.setattr(module, "fresh", lambda function, *given: function(*given))
    monkeypatch.setattr(machine, "copy_bandwidth", lambda mebibytes: 1e9)
    found = run([name], TINY, peak_size=64, out=tmp_path)
    assert json.loads(json.dumps(found)) == found
    assert json.loads((tmp_path / "benchmarks.json").read_text()) == found
    page = markdown(found)
    alone = ("probe", "store", "import")  # there is nothing plain beside them
    for row in found["rows"]:
        assert row["benchmark"] == name and row["size"].endswith("tiny")
        assert row["skelf s"] > 0 and (name in alone or row["ratio"] > 0)
        assert f"| {name} | {row['size']} |" in page
    assert found["rows"] and found["about"]["torch"] in page


@pytest.mark.slow
def test_mixed_precision_is_measured(monkeypatch):
    for module in (usdrl_step, search):
        monkeypatch.setattr(module, "fresh", lambda function, *given: function(*given))
    names = ["usdrl", "aimclr", "features", "knn"]
    found = run(names, TINY._replace(bf16=True), peak_size=64)
    *rows, exact = found["rows"]
    assert [row["benchmark"] for row in rows] == names[:-1]
    for row in rows:
        assert row["precision"] == "bf16" and "plain share of peak" not in row
        assert row.get("skelf share of peak", 1) > 0
    assert exact["precision"] == "fp32" and exact["plain share of peak"] > 0


def test_each_benchmark_has_its_own_sizes():
    pairs = plan(["usdrl", "aimclr"], ("paper at 4", "small"), short=False)
    assert pairs == [("usdrl", "paper at 4"), ("usdrl", "small"), ("aimclr", "small")]
    for short in (False, True):
        for name, size in plan(list(BENCHMARKS), (), short):
            assert size in BENCHMARKS[name].known
    assert ("usdrl", "paper") in plan(["usdrl"], (), short=False)
    assert ("usdrl", "paper") not in plan(["usdrl"], (), short=True)


def test_the_machine_is_measured():
    (row,) = machine.measure((1,), 64)
    assert all(value > 0 for value in row.values())


@pytest.mark.slow
def test_a_process_of_its_own():
    assert fresh(machine.copy_bandwidth, 1, 1) > 0
    with pytest.raises(RuntimeError, match=r"copy_bandwidth\('x',\): .*"):
        fresh(machine.copy_bandwidth, "x")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_peak_memory_is_that_of_the_work():
    def work():
        # Not from the heap: what tests before it freed may be kept there, and is used again.
        with mmap(-1, 2**28) as room:
            room.write(b"x" * 2**28)

    assert peak_of(work) > 0.2


def test_interleaved_takes_turns():
    order = []

    def step(name):
        def call(lap):
            order.append(name)
            lap("first")
            lap("second")

        return call

    times = interleaved({"a": step("a"), "b": step("b")}, repeats=3, warm=2)
    assert order == ["a", "b"] * 5
    assert times["a"].parts.keys() == {"first", "second"} and times["b"].wall > 0
