"""What `OFFICIAL[method].save` writes: names and shapes as the released programs load them.

Facts by sources U7, C5 and P2, with small sizes: H hidden, the rest as a released model has it.
"""

import pytest
import torch

from skelf.encoders._tokens import sinusoids
from skelf.encoders.dste import DSTE
from skelf.encoders.gru import GRU
from skelf.encoders.stgcn import STGCN
from skelf.encoders.sttr import STTR
from skelf.errors import InputError
from skelf.layouts import NTU25
from skelf.methods import OFFICIAL, usdrl_official
from skelf.methods.aimclr import AimCLR
from skelf.methods.crossclr import CrosSCLR
from skelf.methods.pcm3 import PCM3
from skelf.methods.skeletonclr import SkeletonCLR
from skelf.methods.usdrl import USDRL

H, FRAMES, JOINTS, OUT = 8, 64, 50, 16


def pair(name, *shape):
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def norm(name, size):
    statistics = {f"{name}.running_mean": (size,), f"{name}.running_var": (size,)}
    return pair(name, size) | statistics | {f"{name}.num_batches_tracked": ()}


def attention(name):
    inside = {f"{name}.in_proj_weight": (3 * H, H), f"{name}.in_proj_bias": (3 * H,)}
    return inside | pair(f"{name}.out_proj", H, H)


def usdrl_shared():
    names = {"backbone.tpe.pe": (1, 200, H), "backbone.spe": (1, JOINTS, H)}
    for letter, inputs in (("t", 150), ("s", 192)):
        start = f"backbone.ske_emb.{letter}_embedding"
        names |= pair(f"{start}.0", H, inputs) | pair(f"{start}.1", H) | pair(f"{start}.3", H, H)
    for letter, inputs, out in (("t", H, OUT), ("s", H, OUT), ("i", 2 * H, 2 * OUT)):
        start = f"{letter}_proj"
        names |= pair(f"{start}.0", OUT, inputs) | norm(f"{start}.1", OUT)
        names |= pair(f"{start}.3", OUT, OUT) | norm(f"{start}.4", OUT)
        names |= pair(f"{start}.6", out, OUT)
    return names


def dste():
    names = usdrl_shared()
    for letter, length in (("t", FRAMES), ("s", JOINTS)):
        for layer in ("tr", "tr1"):
            start = f"backbone.{letter}_{layer}"
            for part in ("CA", "DSA"):
                names |= attention(f"{start}.{part}.attn")
                for number in (1, 2):
                    names |= pair(f"{start}.{part}.norm{number}", H)
                names |= pair(f"{start}.{part}.mlp.fc1", 2 * H, H)
                names |= pair(f"{start}.{part}.mlp.fc2", H, 2 * H)
            names |= pair(f"{start}.CA.conv1", H, H, 1)
            for number in (1, 2):
                names |= pair(f"{start}.DSA.wt{number}", length, length)
    assert len(names) == 182  # as counted in the released file
    return names


def sttr():
    names = usdrl_shared()
    for start in (f"backbone.{letter}_tr.layers.{n}" for letter in "ts" for n in (0, 1)):
        names |= attention(f"{start}.self_attn")
        names |= pair(f"{start}.linear1", H, H) | pair(f"{start}.linear2", H, H)
        names |= pair(f"{start}.norm1", H) | pair(f"{start}.norm2", H)
    return names


def stgcn(prefix, width=4, dim=32):
    outs = [width] * 4 + [2 * width] * 3 + [4 * width] * 2 + [dim]
    names = {f"{prefix}.A": (3, 25, 25)} | norm(f"{prefix}.data_bn", 75)
    for i, (a, b) in enumerate(zip([3, *outs[:-1]], outs, strict=True)):
        start = f"{prefix}.st_gcn_networks.{i}"
        names |= pair(f"{start}.gcn.conv", 3 * b, a, 1, 1) | norm(f"{start}.tcn.0", b)
        names |= pair(f"{start}.tcn.2", b, b, 9, 1) | norm(f"{start}.tcn.3", b)
        if i in (4, 7, 9):
            names |= pair(f"{start}.residual.0", b, a, 1, 1) | norm(f"{start}.residual.1", b)
        names |= {f"{prefix}.edge_importance.{i}": (3, 25, 25)}
    return names


def projector(prefix, dim=32, feature=6):
    return pair(f"{prefix}.0", dim, dim) | pair(f"{prefix}.2", feature, dim)


def contrastive(*ends):
    names = {}
    for end in ends:
        names |= {f"queue{end}": (6, 12), f"queue_ptr{end}": (1,)}
        for start in (f"encoder_q{end}", f"encoder_k{end}"):
            names |= stgcn(start)
            if end:  # a layer of its own before joint's projector, which all streams share
                names |= pair(f"{start}.fc.0", 32, 32) | projector(f"{start}.fc.2")
            else:
                names |= projector(f"{start}.fc")
    return names


def pcm3():
    names = {"queue": (6, 12), "queue_ptr": (1,)}
    for start in ("encoder_q", "encoder_k"):
        names |= norm(f"{start}.input_norm", 150)
        for layer in range(3):
            for end in (f"l{layer}", f"l{layer}_reverse"):
                gru = f"{start}.encoder.gru"
                names[f"{gru}.weight_ih_{end}"] = (3 * H, 2 * H if layer else 150)
                names[f"{gru}.weight_hh_{end}"] = (3 * H, H)
                names[f"{gru}.bias_ih_{end}"] = names[f"{gru}.bias_hh_{end}"] = (3 * H,)
        names |= pair(f"{start}.fc.0", 2 * H, 2 * H) | pair(f"{start}.fc.2", 6, 2 * H)
    names |= pair("linear.0", OUT, 2 * H) | norm("linear.1", OUT) | pair("linear.3", OUT, OUT)
    for layer in (0, 1):
        gru = "recons_decoder.decoder"
        names[f"{gru}.weight_ih_l{layer}"] = names[f"{gru}.weight_hh_l{layer}"] = (3 * OUT, OUT)
        names[f"{gru}.bias_ih_l{layer}"] = names[f"{gru}.bias_hh_l{layer}"] = (3 * OUT,)
    names |= pair("recons_decoder.reconstruction", 150, OUT)
    names |= {"cl_prompt": (1, 2), "mp_prompt": (1, 2)}
    for each in ("base", "mask", "recons", "mix"):
        names[f"{each}_prompt"] = (1, 1, 150)
    return names


def clr(method):
    return method(STGCN(NTU25, dim=32, width=4), queue=12, feature=6)


def gru_method(stream):
    return PCM3(GRU(NTU25, dim=H, stream=stream), queue=12, feature=6, decoder=OUT)


WRITTEN = {
    "usdrl dste": ("usdrl", lambda: USDRL(DSTE(NTU25, dim=H), projection=OUT), dste),
    "usdrl sttr": ("usdrl", lambda: USDRL(STTR(NTU25, dim=H), projection=OUT), sttr),
    "skeletonclr": ("skeletonclr", lambda: clr(SkeletonCLR), lambda: contrastive("")),
    "aimclr": ("aimclr", lambda: clr(AimCLR), lambda: contrastive("")),
    "crossclr": ("crossclr", lambda: clr(CrosSCLR), lambda: contrastive("", "_motion", "_bone")),
    "pcm3": ("pcm3", lambda: gru_method("joint"), pcm3),
    "pcm3 motion": ("pcm3", lambda: gru_method("motion"), pcm3),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_names_and_shapes_are_the_released_ones(case):
    name, build, released = WRITTEN[case]
    written = OFFICIAL[name].save(build())
    assert {key: tuple(value.shape) for key, value in written.items()} == released()
    for key, value in written.items():
        counter = key.endswith("num_batches_tracked") or key.startswith("queue_ptr")
        assert value.dtype == (torch.int64 if counter else torch.float32), key


@pytest.mark.parametrize("encoder", [DSTE, STTR])
@pytest.mark.parametrize("frames", [10, 64, 200])
def test_the_table_of_positions_is_written_whole_and_read_back_to_the_bit(encoder, frames):
    method = USDRL(encoder(NTU25, dim=H, frames=frames), projection=OUT)
    written = usdrl_official.save(method)
    table = written["backbone.tpe.pe"]
    assert table.shape == (1, 200, H)
    assert torch.equal(table[:, :frames], method.encoder.position_t)
    torch.testing.assert_close(table, sinusoids(200, H))
    again = usdrl_official.load(written, NTU25)
    assert torch.equal(again.encoder.position_t, method.encoder.position_t)
    assert all(
        torch.equal(value, written[key]) for key, value in usdrl_official.save(again).items()
    )


def test_more_frames_than_the_released_program_has_positions_of_are_refused():
    with pytest.raises(InputError, match="200 frames; this encoder reads 201"):
        usdrl_official.save(USDRL(DSTE(NTU25, dim=H, frames=201), projection=OUT))


@pytest.mark.parametrize(
    "change",
    [lambda t: t.roll(1, dims=1), lambda t: t[0], lambda t: t[..., :-1], lambda t: t[:, :0]],
    ids=["moved", "no batch", "narrow", "empty"],
)
def test_another_table_of_positions_is_not_taken_for_the_released_one(change):
    written = usdrl_official.save(USDRL(DSTE(NTU25, dim=H), projection=OUT))
    table = written["backbone.tpe.pe"]
    # One of an earlier version: as many rows as frames; or none at all.
    usdrl_official.load(written | {"backbone.tpe.pe": table[:, :FRAMES]}, NTU25)
    usdrl_official.load({k: v for k, v in written.items() if k != "backbone.tpe.pe"}, NTU25)
    with pytest.raises(InputError, match="not the released table of positions"):
        usdrl_official.load(written | {"backbone.tpe.pe": change(table)}, NTU25)
