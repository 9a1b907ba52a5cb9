"""Several encoders as one: features, one classifier for all streams, where they come from."""

import json

import numpy as np
import pytest
import tiny_runs
import torch
from protocol_fakes import Pool, assert_same, clips, snapshot
from torch.nn import functional as F

import skelf
from skelf import api
from skelf.checkpoints import folder as checkpoint
from skelf.data.synthetic.clips import generate
from skelf.encoders.dste import DSTE
from skelf.encoders.ensemble import Ensemble
from skelf.encoders.stgcn import STGCN
from skelf.errors import InputError
from skelf.files import read_json
from skelf.layouts import NTU25, SBU15
from skelf.methods import OFFICIAL
from skelf.methods.crossclr import CrosSCLR
from skelf.methods.skeletonclr import SkeletonCLR
from skelf.protocols import features
from skelf.protocols._cache import key as cache_key
from skelf.protocols.knn import knn
from skelf.protocols.linear import Linear, linear
from skelf.streams import STREAMS
from skelf.training import loop as engine

LABELS = np.arange(60) % 6
CROSS = (
    *("encoder.name=stgcn", "encoder.dim=12", "encoder.width=4", "encoder.frames=8"),
    *("method.queue=16", "method.feature=6", "method.cross_epoch=1", "train.epochs=2"),
    *("train.batch_size=8", "train.lr=1e-2", "train.milestones=[]", "train.precision=fp32"),
    "train.devices=cpu",
)


def encoders(count=3):
    made = []
    for seed, name in enumerate(STREAMS[:count]):
        torch.manual_seed(seed)
        made.append(DSTE(SBU15, dim=8, frames=8, persons=1, stream=name).eval())
    return made


@torch.no_grad()
def test_features_stand_side_by_side():
    members = encoders()
    both = Ensemble(members[::-1])
    x = torch.randn(4, 3, 8, 15, 1)
    sizes = [e.dim for e in members]
    assert both.dim == sum(sizes) and both.num_frames == 8 and both.persons == 1
    assert both.stream == "joint+motion+bone" and both.streams == STREAMS[::-1]
    for found, name in ((both(x), "forward"), (both.frames(x), "frames")):
        parts = found.split(sizes[::-1], dim=-1)
        for part, member in zip(parts, members[::-1], strict=True):
            torch.testing.assert_close(part, getattr(member, name)(x) / 3)
    assert both.frames(x).shape == (4, 8, both.dim)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": 16}, "joint one has num_frames 8 and the bone one 16: train them alike"),
        ({"persons": 2}, "has persons 1 and the bone one 2"),
        ({"in_channels": 2}, "has in_channels 3 and the bone one 2"),
        ({"skeleton": NTU25}, "has skeleton sbu15 and the bone one ntu25"),
    ],
)
def test_members_take_one_input(change, message):
    given = {"skeleton": SBU15, "dim": 8, "frames": 8, "persons": 1, "stream": "bone"} | change
    with pytest.raises(InputError, match=message):
        Ensemble([*encoders(1), DSTE(**given)])
    members = encoders(2)
    members[0].confidence = True
    with pytest.raises(InputError, match="has confidence True and the motion one False"):
        Ensemble(members)
    members[1].confidence = True
    assert Ensemble(members).confidence is True
    with pytest.raises(InputError, match="needs two encoders or more, not 1"):
        Ensemble(encoders(1))


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_one_classifier_is_the_mean_of_one_for_each_stream(decay):
    """CrosSCLR's evaluation by hand: three layers, one cross-entropy on the mean of their logits.

    Their biases learn at three times the rate and decay by a third, the documented difference.
    """
    members = [Pool(dim=dim, seed=dim) for dim in (5, 9, 7)]
    train, test = clips(LABELS, noise=1.0), clips(LABELS, noise=1.0, seed=1)
    outcome = linear(
        Ensemble(members),
        train,
        test,
        Linear(epochs=6, lr=0.5, batch_size=16, milestones=(4,), weight_decay=decay, validation=0),
        seed=3,
    )
    x = [features.extract(member, train) for member in members]
    queries = [features.extract(member, test) for member in members]
    generator = torch.Generator().manual_seed(3)
    start = torch.randn(6, 21, generator=generator) * 0.01
    weights = [w.clone().requires_grad_() for w in start.split([5, 9, 7], dim=1)]
    biases = [torch.zeros(6, requires_grad=True) for _ in members]

    def logits(parts):
        z = [F.linear(f, w, b) for f, w, b in zip(parts, weights, biases, strict=True)]
        return torch.stack(z).mean(dim=0)

    optimiser = torch.optim.SGD(
        [
            {"params": weights, "lr": 0.5, "weight_decay": decay},
            {"params": biases, "lr": 1.5, "weight_decay": decay / 3},
        ],
        momentum=0.9,
    )
    labels = torch.from_numpy(LABELS)
    for epoch in range(6):
        if epoch == 4:
            for group in optimiser.param_groups:
                group["lr"] *= 0.1
        for chosen in torch.randperm(60, generator=generator).split(16):
            optimiser.zero_grad()
            F.cross_entropy(logits([f[chosen] for f in x]), labels[chosen]).backward()
            optimiser.step()
    with torch.no_grad():
        expected = logits(queries).numpy()
    assert np.abs(expected).max() > 0.3  # it has learned something
    np.testing.assert_allclose(outcome.scores, expected, rtol=1e-4, atol=1e-5)


def test_knn_and_cache(tmp_path):
    members = [Pool(dim=8, seed=seed).train() for seed in (0, 1)]
    both, some = Ensemble(members), (clips(LABELS), clips(LABELS, seed=1))
    before = snapshot(both)
    first = knn(both, *some, cache=tmp_path)
    assert [len(member.seen) for member in members] == [2, 2]
    again = knn(both, *some, cache=tmp_path)
    assert [len(member.seen) for member in members] == [2, 2]  # read, not computed
    assert_same(both, before)
    assert np.array_equal(first.scores, again.scores) and first.values["top1.none"] > 0.9
    other = Ensemble(members[::-1])
    assert cache_key(other, some[0]) != cache_key(both, some[0])
    members[1].stream = "bone"
    assert cache_key(Ensemble(members), some[0]) != cache_key(both, some[0])


# ---- runs ----


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run for each stream, in one folder."""
    folder = tmp_path_factory.mktemp("streams")
    for seed, name in enumerate(STREAMS):
        tiny_runs.pretrain(folder / name, "train.epochs=1", stream=name, seed=seed)
    return [folder / name for name in STREAMS]


@pytest.fixture(scope="module")
def cross(tmp_path_factory):
    """A CrosSCLR run of three streams, and the method as it was trained."""
    kept, fit = [], engine.fit

    def keep(method, *args, **options):
        kept.append(method)
        return fit(method, *args, **options)

    engine.fit = keep
    try:
        folder = tmp_path_factory.mktemp("cross") / "run"
        api.pretrain(
            "crossclr", tiny_runs.clips(), out=folder, split="half", seed=4, overrides=CROSS
        )
    finally:
        engine.fit = fit
    return folder, kept[0]


def test_several_runs_are_judged_as_one(runs, tmp_path):
    out = tmp_path / "results.json"
    given = {"split": "half", "overrides": ["eval.epochs=5"]}
    rows = skelf.evaluate(["linear", "knn", "retrieval"], runs, tiny_runs.clips(), out=out, **given)
    written = [{k: v for k, v in row.items() if k != "checksum"} for row in read_json(out)]
    assert written == json.loads(json.dumps(rows)) and len(rows) > 6
    for row in rows:
        assert row["stream"] == "joint+motion+bone" and row["method"] == "usdrl"
        assert row["form"] == "official" and row["encoder"] == "dste" and row["seed"] is None
        told = "features of 3 encoders (joint, motion, bone) side by side, divided by 3"
        assert row["definition"].endswith(told)
        listed = row["config"]["runs"]
        assert [one["streams"] for one in listed] == [[name] for name in STREAMS]
        assert [one["source"]["seed"] for one in listed] == [0, 1, 2]
        assert listed[0]["train"]["epochs"] == 1 and listed[0]["run"] == str(runs[0])
    assert list((runs[0] / "features").iterdir())
    by_hand = Ensemble([skelf.load(run) for run in runs])
    test = tiny_runs.clips().split("half")[1]
    parts = [features.extract(skelf.load(run), test) for run in runs]
    expected = torch.cat(parts, dim=1) / 3
    torch.testing.assert_close(features.extract(by_hand, test), expected)
    fresh = skelf.evaluate(["knn"], runs, tiny_runs.clips(), split="half", untrained=True, seed=7)[
        0
    ]
    assert (fresh["method"], fresh["seed"], fresh["eval_seed"]) == ("untrained", None, 7)
    weights = [skelf.load(run, untrained=True, seed=seed) for seed, run in enumerate(runs)]
    parts = [features.extract(encoder, test) for encoder in weights]
    by_hand = Ensemble([skelf.load(run, untrained=True) for run in runs])
    torch.testing.assert_close(features.extract(by_hand, test), torch.cat(parts, dim=1) / 3)
    assert fresh["stream"] == "joint+motion+bone"


def test_a_crossclr_run_gives_each_stream_and_all(cross):
    folder, method = cross
    test = tiny_runs.clips().split("half")[1]
    queries = {"joint": method.encoder, **method.encoders}
    for name in STREAMS:
        loaded = skelf.load(folder, stream=name)
        assert loaded.stream == name and not loaded.training
        expected = features.extract(queries[name], test)
        assert torch.equal(features.extract(loaded, test), expected)
    assert skelf.load(folder).stream == "joint"
    every = skelf.load(folder, stream="all")
    assert every.streams == STREAMS
    parts = [features.extract(queries[name], test) for name in STREAMS]
    torch.testing.assert_close(features.extract(every, test), torch.cat(parts, dim=1) / 3)
    for stream, told in (("all", "joint+motion+bone"), ("bone", "bone"), (None, "joint")):
        row = skelf.evaluate(["knn"], folder, tiny_runs.clips(), split="half", stream=stream)[0]
        assert (row["stream"], row["method"], row["seed"]) == (told, "crossclr", 4)
        assert row["config"]["method"]["cross_epoch"] == 1


def test_untrained_streams_are_what_the_run_started_from(cross, monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(engine, "fit", lambda method, *args, **options: started.append(method))
    api.pretrain("crossclr", tiny_runs.clips(), out=tmp_path, split="half", seed=4, overrides=CROSS)
    begun = {"joint": started[0].encoder, **started[0].encoders}
    every = skelf.load(cross[0], untrained=True, seed=4, stream="all")
    single = [skelf.load(cross[0], untrained=True, seed=4, stream=name) for name in STREAMS]
    for name, one, member in zip(STREAMS, single, every.members, strict=True):
        for key, value in begun[name].state_dict().items():
            assert torch.equal(one.state_dict()[key], value)
            assert torch.equal(member.state_dict()[key], value)
    row = skelf.evaluate(
        ["knn"], cross[0], tiny_runs.clips(), split="half", stream="all", untrained=True
    )[0]
    assert (row["method"], row["stream"]) == ("untrained", "joint+motion+bone")


def test_wrong_streams_and_runs_are_named(runs, cross, tmp_path):
    joint, folder = runs[0], cross[0]
    for given, options, message in (
        (joint, {"stream": "bone"}, r"joint: a run knows its stream, .* holds joint alone"),
        (joint, {"stream": "all"}, "holds joint alone; --stream chooses where"),
        (folder, {"stream": "bnoe"}, "run: no stream 'bnoe' in it; it holds joint, motion, bone"),
        ([joint, folder], {"stream": "all"}, "holds joint alone"),
        ([joint, joint], {}, "this run is named twice"),
        ([], {}, "no run is named"),
        (runs, {"stream": "joint,bone"}, "2 streams for 3 runs"),
    ):
        with pytest.raises(InputError, match=message):
            skelf.evaluate(["knn"], given, tiny_runs.clips(), split="half", **options)
    other = tiny_runs.pretrain(tmp_path / "o", "train.epochs=1", "data.normalize=centre")
    with pytest.raises(InputError, match=r"data\.normalize differs \(none and centre\)"):
        skelf.evaluate(["knn"], [joint, other], tiny_runs.clips(), split="half")
    long = tiny_runs.pretrain(tmp_path / "l", "train.epochs=1", "encoder.frames=16")
    with pytest.raises(InputError, match="has num_frames 8 and the joint one 16"):
        skelf.evaluate(["knn"], [joint, long], tiny_runs.clips(), split="half")


def test_a_checkpoint_that_lacks_a_stream_it_names(cross, tmp_path):
    """A config of another method over CrosSCLR's tensors."""
    newest = checkpoint.newest(cross[0])
    config = checkpoint.read_config(newest)
    tensors = checkpoint.read_tensors(newest)
    two = {k: v for k, v in tensors.items() if not k.startswith("encoders.bone.")}
    folder = tmp_path / "two"
    checkpoint.save(folder, tensors=two, config=config, card="")
    with pytest.raises(InputError, match="no stream 'bone' in it; it holds joint, motion: name"):
        skelf.load(folder, stream="bone")
    assert skelf.load(folder, stream="all").streams == ("joint", "motion")
    torn = {k: v for k, v in tensors.items() if k != "encoders.bone.data_bn.weight"}
    checkpoint.save(folder, tensors=torn, config=config, card="")
    with pytest.raises(InputError, match=r"do not match: .*data_bn\.weight"):
        skelf.load(folder, stream="bone")
    single = config | {"method": {"name": "skeletonclr"}, "views": {}}
    checkpoint.save(folder, tensors=tensors, config=single, card="")
    with pytest.raises(InputError, match="do not match: stream motion"):
        skelf.load(folder, stream="motion", untrained=True)


def test_runs_whose_eval_settings_differ(runs, tmp_path):
    other = tiny_runs.pretrain(tmp_path / "o", "train.epochs=1", "eval.k=3", stream="bone")
    pair = [runs[0], other]
    with pytest.warns(UserWarning, match="eval settings differ in k: the defaults"):
        rows = skelf.evaluate(["knn"], pair, tiny_runs.clips(), split="half")
    assert rows[0]["config"]["eval"]["k"] == 20


def test_official_files(tmp_path):
    torch.manual_seed(0)
    made = CrosSCLR(STGCN(NTU25, dim=8, width=2), queue=8, feature=4).eval()
    torch.save(OFFICIAL["crossclr"].save(made), tmp_path / "cross.pt")
    for name in STREAMS:
        single = SkeletonCLR(STGCN(NTU25, dim=8, width=2), queue=8, feature=4)
        torch.save(OFFICIAL["skeletonclr"].save(single), tmp_path / f"{name}.pt")
    data = generate(NTU25, clips=24, persons=2, seed=2)

    def judge(run, method, stream=None):
        return skelf.evaluate(["knn"], run, data, split="xsub", method=method, stream=stream)[0]

    path = tmp_path / "cross.pt"
    for stream, told in ((None, "joint"), ("motion", "motion"), ("all", "joint+motion+bone")):
        assert judge(path, "crossclr", stream)["stream"] == told
    with pytest.raises(InputError, match=r"cross\.pt: no stream 'bnoe' in it; it holds joint"):
        judge(path, "crossclr", "bnoe")
    files = [tmp_path / f"{name}.pt" for name in STREAMS]
    row = judge(files, "skeletonclr", "joint,motion,bone")
    assert (row["stream"], row["method"], row["form"]) == (
        *("joint+motion+bone", "skeletonclr"),
        "official",
    )
    with pytest.raises(InputError, match=r"joint\.pt: skeletonclr trains one stream; name it"):
        judge(files[0], "skeletonclr", "all")
    with pytest.raises(InputError, match="unknown stream 'bnoe': did you mean 'bone'"):
        judge(files[0], "skeletonclr", "bnoe")
