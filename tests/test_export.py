"""Exported files: what they take, what they say, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_runs
import torch
from export_subjects import NAMES, content, subject
from torch import Tensor, nn
from typer.testing import CliRunner

from skelf.cli.main import app
from skelf.errors import InputError
from skelf.export import check, tracing, write
from skelf.export.options import Export
from skelf.export.subject import read_subject, refuse
from skelf.export.tracing import BATCH, Slot, to_onnx


@pytest.fixture(scope="module")
def sttr() -> bytes:
    return content("sttr")


def shapes(values: object) -> dict[str, list[str | int]]:
    return {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in values
    }


@pytest.mark.slow
def test_a_file_is_whole_free_and_says_what_it_is(sttr: bytes) -> None:
    model = onnx.load_from_string(sttr)
    onnx.checker.check_model(model)
    assert shapes(model.graph.input) == {
        "joints": ["batch", "frames", 2, 25, 3], "lengths": ["batch"]
    }  # fmt: skip
    assert shapes(model.graph.output) == {"probabilities": ["batch", 3], "features": ["batch", 16]}
    assert not [t.name for t in model.graph.initializer if t.external_data]  # one file
    assert str(Path(__file__).parents[1]).encode() not in sttr  # no traces of this machine
    assert model.opset_import[0].version == 23
    said = {p.key.removeprefix("skelf."): json.loads(p.value) for p in model.metadata_props}
    assert said["class_names"] == list(NAMES) and said["joints"] == list(
        subject("sttr").needs.skeleton.names
    )
    assert (said["kind"], said["rows"], said["unit"], said["fps"]) == (
        "classifier", "clip", "metre", [30.0, 30.0]
    )  # fmt: skip


@pytest.mark.slow
def test_a_file_answers_as_torch_does(sttr: bytes) -> None:
    of = subject("sttr")
    clips = check.random_clips(of, [40, 3, 17])
    assert check.compare(sttr, of, False, clips).largest < 1e-5
    ran = check.session(sttr)
    feeds = check.feeds_of(clips, np.arange(3), 2)
    together = check.run(ran, feeds)["probabilities"]
    for i, length in enumerate((40, 3, 17)):  # alone, and without padding
        alone = {
            "joints": feeds["joints"][i : i + 1, :length],
            "lengths": feeds["lengths"][i : i + 1],
        }
        np.testing.assert_allclose(
            check.run(ran, alone)["probabilities"][0], together[i], atol=1e-6
        )
    # What is missing may be NaN, and what is behind the end does not matter.
    marked = feeds["joints"].copy()
    marked[(marked == 0).all(axis=4)] = np.nan
    marked[1, 3:] = 1e6
    found = check.run(ran, {**feeds, "joints": marked})["probabilities"]
    np.testing.assert_allclose(found, together, atol=1e-6)
    assert np.ptp(together, axis=0).max() > 0.01  # clips differ


@pytest.mark.slow
def test_a_difference_is_refused(sttr: bytes) -> None:
    other = subject("sttr")._replace(temperature=1.7)
    with pytest.raises(InputError, match=r"differs from torch by 0\.\d+ on random clips"):
        check.compare(sttr, other, False, None)
    with pytest.raises(InputError, match="differs from torch by nan"):
        check.accepted(check.Checked(float("nan")))


class Counted(nn.Module):
    """Fixes its batch by `len`, which is no traced size."""

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (x + torch.arange(len(x))[:, None],)


class Asked(nn.Module):
    """Fixes its batch by a question about a product of sizes: the trap of `_products.linear`."""

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (x * 2 if x.shape[0] * 3 == 6 else x,)


SLOTS = [Slot("x", (BATCH, 3))], [Slot("y", (BATCH, 3))]


@pytest.mark.parametrize("module", [Counted(), Asked()], ids=["len", "size"])
def test_a_size_that_freezes_is_refused(module: nn.Module) -> None:
    with pytest.raises(InputError, match=r"its size 'batch' is fixed by the code"):
        to_onnx(module, [torch.ones(2, 3)], *SLOTS, {})


class Masked(nn.Module):
    """Attention of which one query may attend to nothing."""

    def forward(self, x: Tensor) -> tuple[Tensor]:
        mask = torch.ones(3, 3, dtype=torch.bool).tril(-1)  # the first sees nothing
        x = x[:, None, :, None]  # one head of one number
        out = nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=mask)
        return (out[:, 0, :, 0],)


@pytest.mark.slow
def test_a_query_that_may_attend_to_nothing_gets_zeros() -> None:
    made = to_onnx(Masked(), [torch.ones(2, 3)], *SLOTS, {})
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    found = check.session(made).run(None, {"x": x.numpy()})[0]
    np.testing.assert_allclose(found, Masked()(x)[0].numpy(), atol=1e-6)
    assert (found[:, 0] == 0).all() and (found[:, 1] == x[:, 0].numpy()).all()


def test_an_exporter_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(tracing, "import_module", missing)
    with pytest.raises(InputError, match=r"needs onnx.*pip install 'skelf\[export\]'"):
        write.export_onnx("nothing", "x.onnx")


def test_graphs_that_a_model_cannot_have() -> None:
    with pytest.raises(InputError, match="a classifier answers for clips"):
        refuse(subject("gru"), Export(dense=True))
    for name, more, said in (
        ("sttr", {}, "STTR looks at whole clips; only a causal GRU"),
        ("gru", {"causal": False}, "encoder.causal=false"),
        ("gru", {"normalize": "centre+scale"}, "'scale', which looks at a whole clip"),
        ("gru", {"normalize": "aimclr"}, "'facing-frames', which looks at a whole clip"),
    ):
        with pytest.raises(InputError, match=said):
            write.traced(subject(name, **more), Export(step=True))


def command(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["export", *words])
    text = f"{done.output}{done.exception if isinstance(done.exception, InputError) else ''}"
    return done.exit_code, " ".join(text.split())


def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"\x08\x0a\x12\x07pytorch")
    for words, said in (
        (("none", "--out", "x.txt"), "name a file that ends in .onnx"),
        (("none", "--out", str(tmp_path / "x.onnx"), "dense"), "write KEY=VALUE"),
        (("none", "--out", str(tmp_path / "x.onnx"), "dance=true"), "dance"),
        (("none", "--out", str(other), "--force"), "is not a model that skelf exported"),
    ):
        code, text = command(*words)
        assert code != 0 and said in text, text
    assert other.read_bytes() == b"\x08\x0a\x12\x07pytorch"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other.onnx"]


@pytest.mark.slow
def test_the_command_writes_and_compares(tmp_path: Path) -> None:
    tiny_runs.clips().save(tmp_path / "clips.h5")
    run = tiny_runs.pretrain(
        tmp_path / "run", "train.epochs=1", "train.milestones=[]", "encoder.name=sttr"
    )
    of = read_subject(run)
    assert (of.kind, of.head, of.needs.normalize) == ("encoder", None, "none")
    out = tmp_path / "run.onnx"
    words = [str(run), "--out", str(out), "--data", str(tmp_path / "clips.h5")]
    code, text = command(*words)
    assert code == 0 and "one row a clip" in text and "on 36 real ones" in text, text
    assert onnx.load(out).producer_name == "skelf"
    before = out.read_bytes()
    code, text = command(*words)
    assert code != 0 and "--force" in text and out.read_bytes() == before
    code, text = command(*words, "--force", "dense=true")
    assert code == 0 and "one row a frame" in text, text
