"""Every public call leaves the caller's process as it was: random states, precision, threads."""

import os
import random
import shutil
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_runs
import torch
from protocol_fakes import Joints, Pool
from protocol_fakes import clips as still_clips
from recording_fakes import Frames, recordings
from report_runs import put_run

import skelf
from skelf import demo
from skelf.bench.run import bench
from skelf.data.synthetic.clips import generate
from skelf.encoders.dste import DSTE
from skelf.errors import InputError
from skelf.inference.detector_choices import FitDetector
from skelf.inference.fit_classifier import FitClassifier
from skelf.inference.heads import Linear
from skelf.inference.model import assembled
from skelf.layouts import NTU25
from skelf.machine.guest import no_trace, seed
from skelf.methods import usdrl_official
from skelf.methods.usdrl import USDRL
from skelf.profiling.count import profile
from skelf.protocols import PROTOCOLS
from skelf.protocols.features import extract, extract_splits
from skelf.report.write import write_report
from skelf.results.unseen import SEGMENTED
from skelf.runs.load import judged_encoder
from skelf.runs.load import load as load_run
from skelf.runs.plain import plain_encoder
from skelf.settings.options import from_flat
from skelf.settings.settable import options_of

SMALL = {"epochs": 1, "batch_size": 16, "lr": 0.05, "milestones": ()}
JUDGED = {
    "linear": SMALL,
    "knn": {},
    "dtw": {},
    "retrieval": {},
    "finetune": SMALL | {"augment": "crop"},
    "semi": SMALL | {"fractions": (0.5,), "repeats": 1, "augment": "crop"},
    "occlusion": SMALL,
    "early": SMALL | {"ratios": (0.5, 1.0)},
    "quality": {},
    "fewshot": {"ways": 3, "shots": (1,), "queries": 4, "episodes": 3},
    "detection": SMALL | {"unit": "frames", "window": 16, "tune": True, "draws": 1},
    "segmentation": {"unit": "frames", "window": 16, "tune": True, "epochs": 1, "dropout": 0.5},
}
BENCH = """
seeds = [0]
[[data]]
name = "small"
store = "{store}"
splits = ["half"]
[[method]]
name = "usdrl"
streams = ["joint"]
settings = {settings}
[[protocol]]
name = "knn"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A store, a run, its scores, a released file, a suite: what public calls take."""
    folder = tmp_path_factory.mktemp("place")
    store, run = folder / "clips.h5", folder / "run"
    tiny_runs.clips().save(store)
    tiny_runs.pretrain(run, "train.epochs=1", "train.milestones=[]")
    for name, untrained in (("a", False), ("b", True)):
        out = folder / f"{name}.json"
        skelf.evaluate(["knn"], run, store, split="half", out=out, untrained=untrained)
    released = folder / "usdrl.pth"
    torch.save({"state_dict": usdrl_official.save(USDRL(DSTE(NTU25, dim=16, frames=8)))}, released)
    put_run(folder / "logged" / "run", [3.0, 2.0], [0.3, 0.4])
    return SimpleNamespace(folder=folder, store=store, run=run, released=released)


def scores(place):
    return sorted(place.folder.glob("*.npz"))


def layout_file(place):
    path = place.folder / "two.toml"
    path.write_text('names = ["hip", "head"]\nparents = ["", "hip"]\ncentre = "hip"\n')
    return path


def fresh(place, name):
    """A folder that is not there yet."""
    path = place.folder / name
    shutil.rmtree(path, ignore_errors=True)
    return path


def model(place):
    """A model on the run's encoder, with a head of zeros."""
    with no_trace():
        encoder, described = judged_encoder(place.run, None, False, 0)
    head = Linear(dim=encoder.dim, classes=2)
    about = {"kind": "classifier", "class_names": ["a", "b"]}
    return assembled(encoder, head, described, **about).save(place.folder / "model")


def judge(name):
    def call(place):
        how = from_flat(options_of(PROTOCOLS[name], "how"), JUDGED[name])
        if name in SEGMENTED:
            return PROTOCOLS[name](Frames(), recordings(), recordings(3, 1), how)
        some = still_clips(np.arange(36) % 3), still_clips(np.arange(36) % 3, seed=1)
        for one in some:
            one.columns["correct"] = np.arange(36) // 3 % 2
        if name == "dtw":  # which compares frames
            return PROTOCOLS[name](plain_encoder(some[0])[0], *some, how)
        return PROTOCOLS[name](Pool() if name == "finetune" else Joints(), *some, how)

    def fails(place):
        unlabelled = recordings(2, used=[]) if name in SEGMENTED else still_clips([-1, -1])
        PROTOCOLS[name](Frames() if name in SEGMENTED else Joints(), unlabelled, unlabelled)

    return call, fails


def suite(place):
    path = place.folder / "suite.toml"
    settings = [*tiny_runs.SETTINGS, "train.epochs=1", "train.milestones=[]"]
    path.write_text(BENCH.format(store=place.store, settings=settings))
    return path


def pretrain(place, *overrides):
    return tiny_runs.pretrain(
        fresh(place, "new"), "train.epochs=1", "train.milestones=[]", "train.monitor_every=1",
        *overrides,
    )  # fmt: skip


def stopped(place):
    tiny_runs.pretrain(fresh(place, "new"), listener=tiny_runs.stop_in(1))


CLIPS = tiny_runs.clips
HOW = FitClassifier(heads=("prototype",), folds=2)
BRIEF = {"width": 8, "field": 0.5, "dilated_epochs": 2}
DETECTOR = from_flat(FitDetector, {**BRIEF, "choose": False, "parts": 2})


def UNTRIMMED():  # noqa: N802 (as `CLIPS`)
    return generate(clips=1, recordings=3, subjects=3)


# Name -> a call, and one that fails; None: it cannot fail, or hardly.
CASES = {
    "pretrain": (pretrain, stopped),
    "resume": (
        lambda p: skelf.resume(pretrain(p), p.store, overrides=["train.epochs=2"]),
        lambda p: skelf.resume(p.folder / "none"),
    ),
    "evaluate": (
        lambda p: skelf.evaluate(["knn", "linear"], p.run, p.store, split="half", device="cpu"),
        lambda p: skelf.evaluate(["knn"], p.run, p.store, split="none", untrained=True),
    ),
    "load": (lambda p: skelf.load(p.run), lambda p: skelf.load(p.run, stream="bone")),
    "from_pretrained": (
        lambda p: skelf.from_pretrained(p.run, untrained=True, seed=5),
        lambda p: skelf.from_pretrained(p.folder / "none"),
    ),
    "load_official": (
        lambda p: skelf.load_official(p.released, "usdrl"),
        lambda p: skelf.load_official(p.released, "aimclr"),
    ),
    "load_model": (
        lambda p: skelf.load_model(model(p)),
        lambda p: skelf.load_model(p.run),
    ),
    "fit_classifier": (
        lambda p: skelf.fit_classifier(p.run, p.store, split="half", how=HOW),
        lambda p: skelf.fit_classifier(p.run, CLIPS().take([0, 0])),
    ),
    "export_onnx": (
        lambda p: skelf.export_onnx(p.run, p.folder / "run.onnx", overwrite=True),
        lambda p: skelf.export_onnx(p.folder / "none", p.folder / "none.onnx"),
    ),
    "fit_detector": (
        lambda p: skelf.fit_detector(p.run, UNTRIMMED(), how=DETECTOR),
        lambda p: skelf.fit_detector(p.run, CLIPS()),
    ),
    "fuse": (
        lambda p: skelf.fuse(scores(p), weights=[1, 1]),
        lambda p: skelf.fuse([p.store, p.store]),
    ),
    "ClipSet": (None, None),  # built by `build`
    "ClipSet.build": (
        lambda p: still_clips([0, 1]),
        lambda p: skelf.ClipSet.build(np.full((4, 1, 25, 3), np.nan), [5], NTU25),
    ),
    "ClipSet.open": (
        lambda p: skelf.ClipSet.open(p.store),
        lambda p: skelf.ClipSet.open(p.folder / "none.h5"),
    ),
    "ClipSet.save": (
        lambda p: CLIPS().save(p.folder / "again.h5"),
        lambda p: CLIPS().save(p.folder / "none" / "again.h5"),
    ),
    "ClipSet.clip": (lambda p: CLIPS().clip(0), None),
    "ClipSet.blocks": (lambda p: list(CLIPS().blocks()), None),
    "ClipSet.take": (lambda p: CLIPS().take([0, 1]), lambda p: CLIPS().take([10**6])),
    "ClipSet.split": (lambda p: CLIPS().split("half"), lambda p: CLIPS().split("none")),
    "ClipSet.side": (
        lambda p: CLIPS().side("half", "train"),
        lambda p: CLIPS().side("none", "train"),
    ),
    "ClipSet.with_split": (
        lambda p: CLIPS().with_split("x", [1] * 36),
        lambda p: CLIPS().with_split("x", [1]),
    ),
    "ClipSet.digest": (lambda p: CLIPS().take([0]).digest(), None),
    "ClipSet.validate": (lambda p: CLIPS().validate(), None),
    "ClipSet.verify": (lambda p: skelf.ClipSet.open(p.store).verify(), None),
    "Skeleton": (
        lambda p: skelf.Skeleton.from_dict(NTU25.to_dict()),
        lambda p: skelf.Skeleton.from_dict({}),
    ),
    "Skeleton.from_dict": (lambda p: skelf.Skeleton.from_dict(NTU25.to_dict()), None),
    "Skeleton.from_toml": (
        lambda p: skelf.Skeleton.from_toml(layout_file(p)),
        lambda p: skelf.Skeleton.from_toml(p.folder / "none.toml"),
    ),
    "Skeleton.to_dict": (lambda p: NTU25.to_dict(), None),
    "extract": (
        lambda p: extract(Pool(), still_clips([0, 1, 2])),
        lambda p: extract(Pool(), still_clips([0, 1]).take([])),
    ),
    "extract_splits": (
        lambda p: extract_splits(Pool(), still_clips([0, 1]), still_clips([0, 1])),
        lambda p: extract_splits(Pool(), still_clips([-1]), still_clips([0])),
    ),
    "demo": (
        lambda p: demo.run(
            fresh(p, "demo"), clips=72,
            overrides=["encoder.dim=8", "encoder.frames=8", "train.epochs=1",
                       "train.warmup_epochs=0"],
        ),
        lambda p: demo.run(p.folder / "logged", overrides=["train.nothing=1"]),
    ),
    "bench": (lambda p: bench(suite(p), fresh(p, "bench")), lambda p: bench(p.store, p.folder)),
    "profile": (
        lambda p: profile("usdrl", overrides=["encoder.dim=16", "encoder.frames=8"], time=False),
        lambda p: profile("usdrl", device="none"),
    ),
    "report": (
        lambda p: write_report([p.folder / "logged", p.run], p.folder / "page.html",
                               data=p.store, split="half"),
        lambda p: write_report([p.folder / "none"], p.folder / "page.html"),
    ),
    **{f"protocols.{name}": judge(name) for name in PROTOCOLS},
}  # fmt: skip


SLOW = ("export_onnx",)


def public():
    """Names of what the package gives to its users: functions, classes and their methods."""
    for name in skelf.__all__:
        value = getattr(skelf, name)
        yield name
        for method, held in vars(value).items() if isinstance(value, type) else ():
            if not method.startswith("_") and (callable(held) or hasattr(held, "__func__")):
                yield f"{name}.{method}"
    yield from (f"protocols.{name}" for name in PROTOCOLS)


def test_every_public_call_has_a_case():
    assert set(public()) - CASES.keys() == set()


def state():
    """What the whole process shares."""
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": [np.asarray(part).tolist() for part in np.random.get_state()],
        "random": random.getstate(),
        "matmul": torch.get_float32_matmul_precision(),
        "tf32": torch.backends.cuda.matmul.allow_tf32,
        "operations": [
            place.fp32_precision
            for place in (
                torch.backends, torch.backends.cuda.matmul, torch.backends.cudnn.conv,
                torch.backends.cudnn.rnn, torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv,
            )
        ],
        "cudnn": [
            getattr(torch.backends.cudnn, name)
            for name in ("allow_tf32", "benchmark", "deterministic", "enabled")
        ],
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "autocast": [torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")],
        "cuda": torch.cuda.is_initialized(),
        "environment": dict(os.environ),
        "numpy errors": np.geterr(),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "folder": os.getcwd(),
        "recursion": sys.getrecursionlimit(),
    }  # fmt: skip


@pytest.fixture
def unusual(request):
    """A caller with settings of its own, so that a call that sets the usual ones is seen."""
    threads = torch.get_num_threads()
    named = request.node.name
    with no_trace(), np.errstate(under="warn"):
        torch.manual_seed(123)
        np.random.seed(4)
        random.seed(5)
        if "demo" in named or "put_back" in named:  # more threads than cores make all else slow
            torch.set_num_threads(2)
        torch.set_float32_matmul_precision("medium")
        torch.backends.cudnn.benchmark = True
        yield
    assert torch.get_num_threads() == threads


@pytest.mark.filterwarnings("ignore:.*all of stream joint")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
        for name, case in CASES.items()
        if case[0]
    ],
)
def test_a_call_leaves_no_trace(name, place, unusual):
    before = state()
    CASES[name][0](place)
    assert differing(before) == []


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[1]])
def test_a_call_that_fails_leaves_no_trace(name, place, unusual):
    before = state()
    with pytest.raises((InputError, tiny_runs.Stop, ValueError, IndexError)):
        CASES[name][1](place)
    assert differing(before) == []


def differing(before):
    after = state()
    return [name for name, value in before.items() if after[name] != value]


def test_the_callers_draws_go_on(place):
    torch.manual_seed(123)
    expected = torch.rand(3)
    torch.manual_seed(123)
    skelf.load(place.run)
    assert torch.equal(torch.rand(3), expected)


def test_results_do_not_depend_on_the_callers_state(place):
    def weights(value):
        torch.manual_seed(value)
        return [p.clone() for p in load_run(place.run, untrained=True, seed=3).parameters()]

    assert all(torch.equal(a, b) for a, b in zip(weights(1), weights(2), strict=True))


def spoil():
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = not torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)


def test_everything_is_put_back(unusual):
    before = state()
    with no_trace():
        spoil()
        changed = differing(before)
    assert len(changed) >= 9
    assert differing(before) == []
    with pytest.raises(KeyError), no_trace():
        spoil()
        raise KeyError
    assert differing(before) == []
    no_trace()(spoil)()
    assert differing(before) == []


def test_a_caller_who_uses_the_newer_switches_of_precision():
    with no_trace():
        torch.backends.cuda.matmul.fp32_precision = "tf32"  # torch refuses to tell by the older one
        with pytest.raises(RuntimeError):
            torch.get_float32_matmul_precision()
        with no_trace():
            torch.set_float32_matmul_precision("highest")
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"


def test_a_seed_for_the_cpu_does_not_wait_for_a_gpu(monkeypatch):
    called = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", called.append)
    with no_trace():
        seed(7, "cpu")
        first = torch.rand(2)
        torch.manual_seed(7)
        assert torch.equal(torch.rand(2), first)
    assert called in ([], [7])  # by torch.manual_seed alone


def test_the_generators_of_gpus_are_kept_where_cuda_runs(monkeypatch):
    states, put_back = ["one", "two"], []
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: states)
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", put_back.append)
    with no_trace("cpu"):
        pass
    assert put_back == []
    with no_trace("cuda:0"):
        pass
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with no_trace("cpu"):
        pass
    assert put_back == [states, states]
