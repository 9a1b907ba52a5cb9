"""train.compile: the same numbers, plain names in checkpoints, and eager mode where it fails."""

from __future__ import annotations

import shutil
import warnings

import pytest
import tiny_runs
import torch

from skelf import api
from skelf.checkpoints import folder as checkpoint
from skelf.training.compiled import Compiled
from skelf.training.log import read_log

needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C++ compiler")

COMMON = ("encoder.frames=8", "train.batch_size=10", "train.precision=fp32", "train.devices=cpu")
# Without dropout: compiled code draws other masks from the same seed.
SMALL = {
    "usdrl": ("encoder.dim=16", "encoder.layers=1", "encoder.drop_path=0", "views.number=2"),
    "pcm3": ("encoder.dim=16", "encoder.layers=1", "method.queue=16", "train.lr=0.01"),
    "skeletonclr": ("encoder.dim=16", "encoder.width=4", "method.queue=16", "train.lr=0.01"),
    "aimclr": ("encoder.dim=16", "encoder.width=4", "method.queue=16", "train.lr=0.01"),
}


def pretrain(out, name, *overrides, **options):
    dropout = ("encoder.dropout=0",) if name.endswith("clr") else ()
    return api.pretrain(
        name, tiny_runs.clips(), out=out, split="half",
        overrides=(*COMMON, *SMALL[name], *dropout, *overrides), **options,
    )  # fmt: skip


def losses(run):
    return [row["loss"] for row in read_log(run) if row["event"] == "epoch"]


class Fails:
    """Stands for `torch.compile`: what it gives runs, but the calls in `at` fail at their end."""

    def __init__(self, at, error=None):
        self.at, self.calls = at, 0
        self.error = error or RuntimeError("no compiler\nand a long story")

    def __call__(self, function, **options):
        def compiled(*args):
            made = function(*args)
            self.calls += 1
            if self.calls in self.at:
                raise self.error
            return made

        return compiled


@pytest.mark.parametrize("at", [{1}, {3}], ids=["first batch", "smaller last batch"])
@pytest.mark.parametrize("name", ["skeletonclr", "usdrl"])
def test_what_does_not_compile_runs_in_eager_mode_with_the_same_numbers(
    tmp_path, monkeypatch, name, at
):
    settings = ("train.batch_size=8", "train.epochs=2", "train.accumulate=2")
    pretrain(tmp_path / "plain", name, *settings)
    monkeypatch.setattr(torch, "compile", Fails(at))
    with pytest.warns(
        UserWarning, match=r"^train\.compile: RuntimeError: no compiler; the run"
    ) as w:
        pretrain(tmp_path / "failed", name, *settings, "train.compile=true")
    assert len([one for one in w if "train.compile" in str(one.message)]) == 1
    tiny_runs.assert_same(tmp_path / "plain", tmp_path / "failed")


def test_what_fails_in_eager_mode_too_is_raised(monkeypatch):
    class Broken(torch.nn.Linear):
        def forward(self, x):
            raise ValueError("broken")

    method = Broken(2, 2)
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    compiled = Compiled(method, wanted=True)
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="broken"):
        compiled.attempt(lambda: method(torch.ones(2)), key=2)


def test_lack_of_memory_and_later_errors_are_not_the_compilers(monkeypatch):
    method = torch.nn.Linear(2, 2)
    fails = Fails({1}, torch.OutOfMemoryError("none left"))
    monkeypatch.setattr(torch, "compile", fails)
    compiled = Compiled(method, wanted=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(torch.OutOfMemoryError):
            compiled.attempt(lambda: method(torch.ones(2)), key=2)
        fails.at, fails.error = {3}, RuntimeError("later")
        compiled.attempt(lambda: method(torch.ones(2)), key=2)
        with pytest.raises(RuntimeError, match="later"):
            compiled.attempt(lambda: method(torch.ones(2)), key=2)
    assert compiled.active


class Line(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Linear(3, 2)

    def forward(self, x):
        return {"loss": (self.encoder(x).relu() - x.sum()).square().mean()}


@needs_compiler
@pytest.mark.slow
def test_a_small_module_compiles_for_real():
    torch.manual_seed(0)
    method, x = Line(), torch.randn(4, 3)
    expected = method(x)["loss"]
    names = list(method.state_dict())
    compiled = Compiled(method, wanted=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="train.compile")
        loss = compiled.attempt(lambda: method(x)["loss"], key=4)
        loss.backward()
    assert compiled.active
    torch.testing.assert_close(loss, expected)
    assert list(method.state_dict()) == names and method.encoder.weight.grad is not None


@needs_compiler
@pytest.mark.slow
@pytest.mark.compiles
@pytest.mark.timeout(900)  # to compile takes minutes on a busy machine
@pytest.mark.parametrize("name", list(SMALL))
def test_a_compiled_run_is_that_of_eager_mode_and_resumes(tmp_path, name):
    epochs = ("train.ema=0.9", "train.epochs=2")
    pretrain(tmp_path / "eager", name, *epochs)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="train.compile")
        pretrain(tmp_path / "whole", name, *epochs, "train.compile=true")
        if not name.endswith("clr"):  # ST-GCN's ten blocks take more than a minute to compile
            with pytest.raises(tiny_runs.Stop):
                broken = tiny_runs.stop_in(1)
                pretrain(tmp_path / "broken", name, *epochs, "train.compile=true", listener=broken)
            pretrain(tmp_path / "broken", name, *epochs, "train.compile=true", resume=True)
            tiny_runs.assert_same(tmp_path / "whole", tmp_path / "broken")
    assert losses(tmp_path / "whole") == pytest.approx(losses(tmp_path / "eager"), rel=1e-3)
    plain, made = (
        checkpoint.read_tensors(checkpoint.newest(tmp_path / run)) for run in ("eager", "whole")
    )
    assert plain.keys() == made.keys() and not any("_orig_mod" in key for key in made)
