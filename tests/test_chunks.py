"""Views that pass the encoder in pieces: the loss and gradients of the whole batch."""

import copy
import io
import json

import pytest
import torch
from rich.console import Console
from tiny_runs import SETTINGS, clips, pretrain

from skelf import api
from skelf.checkpoints import folder as checkpoint
from skelf.cli.profile import _show
from skelf.encoders.chunks import in_chunks, set_chunk
from skelf.encoders.dste import DSTE
from skelf.encoders.gru import GRU
from skelf.encoders.stgcn import STGCN
from skelf.encoders.sttr import STTR
from skelf.errors import InputError
from skelf.layouts import SBU15
from skelf.methods.pcm3 import PCM3
from skelf.methods.skeletonclr import SkeletonCLR
from skelf.methods.usdrl import USDRL
from skelf.profiling.count import profile
from skelf.profiling.step import Timing

CHUNKS = [1, 5, 12, 24]  # of 24 views: 5 leaves a rest, 24 is all of them


def method(encoder_class=DSTE, drop_path=0.0):
    torch.manual_seed(0)
    options = {"drop_path": drop_path} if encoder_class is DSTE else {}
    return USDRL(encoder_class(SBU15, dim=16, frames=8, persons=1, **options)).train()


def views(count=6, number=4):
    return torch.randn(number, count, 3, 8, 15, 1, generator=torch.Generator().manual_seed(0))


def step(model, batch, seed=3, bf16=False):
    """Loss and gradients, and the state in which the step left the random numbers."""
    torch.manual_seed(seed)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = model(*batch)["loss"]
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return loss.detach(), gradients, torch.get_rng_state()


def assert_equal_steps(one, other, **tolerance):
    torch.testing.assert_close(one[0], other[0], **tolerance)
    assert one[1].keys() == other[1].keys() and len(one[1]) > 40
    assert sum(bool(g.abs().max() > 1e-4) for g in one[1].values()) > 30
    for name, gradient in one[1].items():
        torch.testing.assert_close(
            other[1][name], gradient, **tolerance, msg=lambda text, n=name: f"{n} {text}"
        )


@pytest.mark.parametrize("encoder_class", [DSTE, STTR])
@pytest.mark.parametrize("size", CHUNKS)
def test_loss_and_gradients_are_those_of_the_whole_batch(encoder_class, size):
    whole = method(encoder_class)
    pieces, batch = copy.deepcopy(whole), views()
    set_chunk(pieces, size)
    assert_equal_steps(step(whole, batch), step(pieces, batch), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", CHUNKS)
def test_what_is_computed_again_drops_the_same_paths(size):
    plain, pieces, batch = method(drop_path=0.4), method(drop_path=0.4), views()
    encode = plain.encoder.forward
    plain.encoder.forward = lambda x: torch.cat([encode(piece) for piece in x.split(size)])
    set_chunk(pieces, size)
    expected, found = step(plain, batch), step(pieces, batch)
    assert_equal_steps(expected, found, rtol=1e-4, atol=1e-5)
    assert torch.equal(expected[2], found[2])
    assert not torch.allclose(expected[0], step(pieces, batch, seed=4)[0])


def test_one_piece_is_the_plain_step_to_the_bit():
    whole, pieces, batch = method(drop_path=0.4), method(drop_path=0.4), views()
    set_chunk(pieces, 24)
    assert_equal_steps(step(whole, batch), step(pieces, batch), rtol=0, atol=0)


def test_mixed_precision():
    whole, pieces, batch = method(), method(), views()
    set_chunk(pieces, 5)
    expected, found = step(whole, batch, bf16=True), step(pieces, batch, bf16=True)
    assert expected[0] == pytest.approx(float(found[0]), rel=1e-3)
    one, other = (torch.cat([g.flatten() for g in s[1].values()]) for s in (expected, found))
    assert torch.cosine_similarity(one, other, dim=0) > 0.99


def test_only_vectors_are_kept():
    """What autograd holds until the backward: of a piece nothing but its place."""

    def held(size):
        model, kept = method(), []
        set_chunk(model, size)

        def pack(tensor):
            kept.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model.encoder(views().flatten(0, 1))
        return sum(kept)

    assert held(4) < 0.05 * held(None)


@torch.no_grad()
def test_without_gradients_pieces_are_just_joined():
    x, sizes = torch.randn(7, 3), []

    def encode(piece):
        sizes.append(len(piece))
        return 2 * piece

    assert torch.equal(in_chunks(encode, x, 3), 2 * x) and sizes == [3, 3, 1]
    assert torch.equal(in_chunks(encode, x, None), 2 * x) and sizes[3:] == [7]


def test_the_key_encoder_goes_in_pieces_too():
    def made():
        torch.manual_seed(0)
        encoder = DSTE(SBU15, dim=16, frames=8, persons=1, drop_path=0.0)
        return SkeletonCLR(encoder, queue=16)

    whole, pieces, batch = made(), made(), views(number=2)
    set_chunk(pieces, 4)
    assert [m.chunk for m in pieces.modules() if isinstance(m, DSTE)] == [4, 4]
    expected, found = step(whole, batch), step(pieces, batch)
    torch.testing.assert_close(found[0], expected[0])
    for name, gradient in expected[1].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (lambda: PCM3(GRU(SBU15, dim=8, frames=8, layers=1), queue=16), "GRU"),
        (lambda: SkeletonCLR(STGCN(SBU15, dim=8, width=4, frames=8), queue=16), "STGCN"),
    ],
)
def test_batch_norm_is_refused(made, name):
    set_chunk(made(), None)
    with pytest.raises(InputError, match=rf"^train.chunk: {name} normalises over its whole batch"):
        set_chunk(made(), 4)


def test_a_run_in_pieces_ends_with_the_same_weights(tmp_path):
    changes = ("train.epochs=1", "train.milestones=[9]", "encoder.drop_path=0.0")
    # SGD: Adam's first steps have the size of the rate, however small a gradient is.
    changes += ("train.optimizer=sgd", "train.lr=0.01")
    whole = pretrain(tmp_path / "whole", *changes)
    pieces = pretrain(tmp_path / "pieces", *changes, "train.chunk=6")
    expected = checkpoint.read_tensors(checkpoint.newest(whole))
    found = checkpoint.read_tensors(checkpoint.newest(pieces))
    for name, value in expected.items():
        # Other sizes of a product round otherwise, by processor: 1.2e-5 has been seen.
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=5e-5)
    assert json.loads((pieces / "config.json").read_text())["train"]["chunk"] == 6


def test_settings_are_checked(tmp_path):
    for value in ("0", "-1", "2.5"):
        with pytest.raises(InputError, match=r"train\.chunk"):
            pretrain(tmp_path / "run", f"train.chunk={value}")
    with pytest.raises(InputError, match=r"train\.chunk: GRU"):
        api.pretrain(
            "pcm3", clips(), out=tmp_path / "gru", split="half",
            overrides=(*SETTINGS, "train.chunk=4", "method.queue=16", "encoder.layers=1"),
        )  # fmt: skip


@pytest.mark.parametrize(("chunk", "said"), [(None, "batch 8, 32-true"), (4, "4 views at a time")])
def test_a_profile_is_of_the_step_in_pieces(chunk, said, monkeypatch):
    """The settings reach the measured process, and the table says what was measured."""
    seen = []

    def measure(settings, given, batch, *rest):
        seen.append(settings.train.chunk)
        return Timing(1.0, 1.0, 2**30, batch, 1, "cpu", "some", 1, "32-true", settings.train.chunk)

    monkeypatch.setattr("skelf.profiling.count.measure", measure)
    overrides = ["encoder.dim=8", "encoder.frames=8", "train.batch_size=4"]
    overrides += [f"train.chunk={chunk or 'none'}"]
    made = profile("usdrl", layout="sbu15", batch=8, overrides=overrides)
    text = io.StringIO()
    _show([made], Console(file=text, width=400))
    assert said in text.getvalue() and seen == [chunk]
