"""Encoders: one contract over all layouts and sizes; layers against torch's own and slow loops."""

import math
from itertools import pairwise

import pytest
import torch
from layout_cases import CASES
from torch import nn
from torch.nn import functional as F

from skelf.encoders import ENCODERS
from skelf.encoders._tokens import Attention, dense, pool, sinusoids, tokenise
from skelf.encoders.dste import DSTE, ConvAttention, DenseShiftAttention, DSTELayer, drop_path
from skelf.encoders.sttr import STTR, STTRLayer
from skelf.errors import InputError
from skelf.layouts import KINECT20, SBU15
from skelf.streams import STREAMS, derive

# The encoders with temporal and spatial tokens; test_stgcn.py holds ST-GCN to the same contract.
TOKENS = ("dste", "sttr")


def clips(count, skeleton, channels, frames, persons):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, channels, frames, skeleton.joints, persons, generator=generator)


def shake(module):
    """Weights large enough that every path matters."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module


# ---- the contract ----


def check_gradients(encoder, x):
    vector = encoder(x)
    assert vector.shape == (len(x), encoder.dim)
    vector.sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("persons", [1, 2, 3])
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("skeleton", CASES)
@pytest.mark.parametrize("name", TOKENS)
def test_every_size(name, skeleton, stream, persons):
    few, many = (8, 2 + persons % 2), (64, 3 - persons % 2)
    for frames, channels in (few, many):
        sizes = {"frames": frames, "in_channels": channels, "persons": persons, "stream": stream}
        torch.manual_seed(0)
        encoder = ENCODERS[name](skeleton, dim=16, layers=1, **sizes)
        attributes = (encoder.num_frames, encoder.in_channels, encoder.persons, encoder.stream)
        assert attributes == tuple(sizes.values())
        assert encoder.skeleton is skeleton
        x = clips(8, skeleton, channels, frames, persons)  # DropPath spares one of them
        check_gradients(encoder, x)
        with torch.no_grad():
            rows = encoder.frames(x[:2])
        assert rows.shape == (2, frames, encoder.dim)
        assert rows.isfinite().all()


@pytest.mark.parametrize("skeleton", CASES)
@pytest.mark.parametrize("name", TOKENS)
def test_evaluation(name, skeleton):
    torch.manual_seed(0)
    encoder, again = (ENCODERS[name](skeleton, dim=16, frames=8) for _ in range(2))
    x = clips(8, skeleton, 3, 8, 2)
    check_gradients(encoder, x)
    encoder.eval()
    again.eval()
    with torch.no_grad():
        vector, rows = encoder(x), encoder.frames(x)
        assert torch.equal(encoder(x), vector)
        torch.testing.assert_close(encoder(x[:1]), vector[:1])  # clips do not mix
        torch.testing.assert_close(rows[..., :16].amax(dim=1), vector[:, :16])
        assert not torch.equal(again(x), vector)
        again.load_state_dict(encoder.state_dict())
        assert torch.equal(again(x), vector)


@pytest.mark.parametrize("name", TOKENS)
def test_stream_is_derived_inside(name):
    x = clips(2, KINECT20, 3, 8, 2)
    joint = ENCODERS[name](KINECT20, dim=16, frames=8).eval()
    with torch.no_grad():
        for stream in STREAMS:
            other = ENCODERS[name](KINECT20, dim=16, frames=8, stream=stream).eval()
            other.load_state_dict(joint.state_dict())
            assert torch.equal(other(x), joint(derive(x, stream, KINECT20)))


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize(
    "shape", [(2, 3, 8, 20, 1), (2, 3, 8, 25, 2), (2, 3, 9, 20, 2), (2, 2, 8, 20, 2), (3, 8, 20, 2)]
)
def test_wrong_shapes_name_both(name, shape):
    encoder = ENCODERS[name](KINECT20, dim=16, frames=8)
    for call in (encoder, encoder.frames, encoder.tokens):
        with pytest.raises(ValueError) as error:
            call(torch.zeros(shape))
        assert str(shape) in str(error.value)
        assert "(C, T, V, M) = (3, 8, 20, 2)" in str(error.value)


@pytest.mark.parametrize("name", TOKENS)
def test_wrong_arguments(name):
    with pytest.raises(InputError, match="unknown stream 'bones': did you mean 'bone'"):
        ENCODERS[name](KINECT20, dim=16, stream="bones")
    with pytest.raises(ValueError, match="heads=3: must divide dim=16"):
        ENCODERS[name](KINECT20, dim=16, heads=3)


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("sizes", [{"layers": 1}, {"layers": 3}, {"heads": 4}, {"dim": 15}])
def test_other_sizes(name, sizes):
    sizes = {"dim": 16, "frames": 8} | sizes
    encoder = ENCODERS[name](SBU15, **sizes).eval()
    assert encoder(clips(2, SBU15, 3, 8, 2)).shape == (2, 2 * sizes["dim"])
    assert len(encoder.layers_t) == len(encoder.layers_s) == sizes.get("layers", 2)


@pytest.mark.parametrize("name", TOKENS)
def test_half_precision(name):
    encoder, x = ENCODERS[name](SBU15, dim=16, frames=8).eval(), clips(2, SBU15, 3, 8, 2)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        half = encoder(x)
    torch.testing.assert_close(half.float(), encoder(x).detach(), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("name", TOKENS)
def test_initial_weights(name):
    torch.manual_seed(0)
    encoder = ENCODERS[name](KINECT20, dim=128, frames=16)
    for module in encoder.modules():
        if isinstance(module, nn.Linear):
            assert not module.bias.any()
            assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
        if isinstance(module, Attention):
            bound = math.sqrt(6 / (4 * 128))
            assert bound * 0.99 < float(module.in_proj_weight.detach().abs().max()) <= bound
            assert not module.in_proj_bias.any()
    assert float(encoder.position_s.detach().std()) == pytest.approx(0.02, rel=0.1)


# ---- what both share ----


def test_tokens_by_loop():
    x = clips(2, SBU15, 3, 4, 2)
    temporal, spatial = tokenise(x, "joint", SBU15)
    assert (temporal.shape, spatial.shape) == ((2, 4, 90), (2, 30, 12))
    for c in range(3):
        for t in range(4):
            for v in range(15):
                for m in range(2):
                    value = x[:, c, t, v, m]
                    assert torch.equal(temporal[:, t, m * 45 + v * 3 + c], value)
                    assert torch.equal(spatial[:, m * 15 + v, t * 3 + c], value)


def test_pool_and_dense_by_loop():
    temporal, spatial = torch.randn(2, 8, 5), torch.randn(2, 30, 5)
    pooled, rows = pool(temporal, spatial), dense(temporal, spatial)
    assert (pooled.shape, rows.shape) == ((2, 10), (2, 8, 10))
    for n in range(2):
        for h in range(5):
            assert pooled[n, h] == max(temporal[n, :, h])
            assert pooled[n, 5 + h] == max(spatial[n, :, h])
            for t in range(8):
                first, last = math.floor(30 * t / 8), math.ceil(30 * (t + 1) / 8)
                assert rows[n, t, h] == temporal[n, t, h]
                mean = spatial[n, first:last, h].mean()
                torch.testing.assert_close(rows[n, t, 5 + h], mean)


@pytest.mark.parametrize("dim", [8, 7])
def test_sinusoids_by_loop(dim):
    table = sinusoids(20, dim)[0]
    for p in range(20):
        for column in range(dim):
            angle = p * math.exp(-(column // 2 * 2) * math.log(10000) / dim)
            wave = math.cos if column % 2 else math.sin
            assert float(table[p, column]) == pytest.approx(wave(angle), abs=1e-5)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_is_torchs(heads):
    ours, theirs = Attention(16, heads), nn.MultiheadAttention(16, heads, batch_first=True)
    theirs.load_state_dict(shake(ours).state_dict())
    x = torch.randn(3, 7, 16)
    torch.testing.assert_close(ours(x), theirs(x, x, x, need_weights=False)[0])


@pytest.mark.parametrize("heads", [1, 2])
def test_sttr_layer_is_torchs(heads):
    ours = shake(STTRLayer(16, heads))
    theirs = nn.TransformerEncoderLayer(16, heads, 16, dropout=0.0, batch_first=True)
    names = {"attention": "self_attn", "fc1": "linear1", "fc2": "linear2"}
    theirs.load_state_dict(
        {
            ".".join([names.get(key.split(".")[0], key.split(".")[0]), *key.split(".")[1:]]): value
            for key, value in ours.state_dict().items()
        }
    )
    x = torch.randn(3, 7, 16)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)


# ---- DSTE ----


def slow_layer(layer, x, form, gap):
    """Equations 1 to 5, and what sources U4 and U17 say of the released code."""
    state = layer.state_dict()
    attention = nn.MultiheadAttention(x.shape[2], 1, batch_first=True)
    attention.load_state_dict(
        {key[10:]: value for key, value in state.items() if key.startswith("attention.")}
    )

    def attend(u):
        return attention(u, u, u, need_weights=False)[0]

    def norm(branch, number, u):
        name = f"{branch}.norm{number}"
        return F.layer_norm(u, u.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"])

    def mlp(branch, u):
        u = F.linear(u, state[f"{branch}.mlp.fc1.weight"], state[f"{branch}.mlp.fc1.bias"])
        u = u * 0.5 * (1 + torch.erf(u / math.sqrt(2)))
        return F.linear(u, state[f"{branch}.mlp.fc2.weight"], state[f"{branch}.mlp.fc2.bias"])

    weight, bias = state["ca.conv.weight"], state["ca.conv.bias"]
    width, L = weight.shape[2], x.shape[1]
    conv = bias.expand_as(x).clone()
    for token in range(L):
        for k in range(width):
            source = token + k - width // 2
            if 0 <= source < L and form == "official":
                conv[:, token] += x[:, source] @ weight[:, :, k].T
            elif 0 <= source < L:
                conv[:, token] += x[:, source] * weight[:, 0, k]
    if form == "official":
        h = x + attend(norm("ca", 1, x + conv.relu()))
        ca = mlp("ca", norm("ca", 2, h))
    else:
        h = x + conv
        h = h + attend(norm("ca", 1, h))
        ca = h + mlp("ca", norm("ca", 2, h))

    mixed = torch.einsum("ij,njd->nid", state["dsa.mix1.weight"], x)
    mixed = (mixed + state["dsa.mix1.bias"][:, None]).relu()
    mixed = torch.einsum("ij,njd->nid", state["dsa.mix2.weight"], mixed)
    mixed = mixed + state["dsa.mix2.bias"][:, None] + x
    shifted = x.clone()
    for token in range(L):
        if (token % gap == 0) == (form == "paper"):
            shifted[:, token] = mixed[:, token]
    blocks = []
    for u in (shifted, x):
        u = u + attend(norm("dsa", 1, u))
        blocks.append(u + mlp("dsa", norm("dsa", 2, u)))
    dsa = sum(blocks) if form == "paper" else sum(blocks) / 2
    return ca, dsa


@torch.no_grad()
@pytest.mark.parametrize("form", ["official", "paper"])
@pytest.mark.parametrize("kernel_size, gap", [(1, 4), (3, 4), (5, 3)])
def test_dste_layer_is_the_equations(form, kernel_size, gap):
    layer = shake(DSTELayer(9, 8, 1, 0.3, gap, kernel_size, 0.1, form)).eval()
    x = torch.randn(2, 9, 8)
    ca, dsa = slow_layer(layer, x, form, gap)
    torch.testing.assert_close(layer.ca(x, layer.attention), ca, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(layer.dsa(x, layer.attention), dsa, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(layer(x), 0.3 * ca + 0.7 * dsa, rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("form, mixed", [("official", [1, 2, 4, 5, 7]), ("paper", [0, 3, 6])])
def test_gap_positions(form, mixed):
    dsa = shake(DenseShiftAttention(8, 16, gap=3, drop_path=0.0, form=form))
    attention = Attention(16)
    for last in (dsa.mlp.fc2, attention.out_proj):  # the blocks become the identity
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    x = torch.randn(2, 8, 16)
    changed = dsa(x, attention) / (2 * dsa.scale) - x
    assert (changed.abs().amax(dim=(0, 2)) > 1e-4).nonzero().flatten().tolist() == mixed


@pytest.mark.parametrize("form", ["official", "paper"])
def test_positions_are_added_before_every_layer_or_once(form):
    encoder = DSTE(SBU15, dim=16, frames=8, form=form, layers=3).eval()
    seen = []
    for layer in (*encoder.layers_t, *encoder.layers_s):
        layer.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    with torch.no_grad():
        encoder(clips(2, SBU15, 3, 8, 2))
    for stream, position in ((seen[0::2], encoder.position_t), (seen[1::2], encoder.position_s)):
        for (_, output), (following, _) in pairwise(stream):
            expected = output + position if form == "official" else output
            assert torch.equal(following, expected)


def test_forms_differ():
    x = clips(2, SBU15, 3, 8, 2)
    official = shake(DSTE(SBU15, dim=16, frames=8, kernel_size=1)).eval()
    paper = DSTE(SBU15, dim=16, frames=8, form="paper").eval()
    assert official.layers_t[0].ca.conv.weight.shape == (16, 16, 1)
    assert paper.layers_t[0].ca.conv.weight.shape == (16, 1, 3)
    shared = {key: v for key, v in official.state_dict().items() if "conv.weight" not in key}
    paper.load_state_dict(shared, strict=False)
    assert not torch.allclose(official(x), paper(x), rtol=0.1)


@pytest.mark.parametrize("alpha, built, missing", [(0.0, "dsa", "ca"), (1.0, "ca", "dsa")])
def test_alpha_at_the_ends_builds_one_branch(alpha, built, missing):
    encoder = DSTE(SBU15, dim=16, frames=8, alpha=alpha).eval()
    assert not any(f".{missing}." in name for name in encoder.state_dict())
    assert any(f".{built}." in name for name in encoder.state_dict())
    layer, x = encoder.layers_t[0], torch.randn(2, 8, 16)
    assert torch.equal(layer(x), getattr(layer, built)(x, layer.attention))


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("form", ["official", "paper"])
def test_convolution_keeps_the_length(kernel_size, form):
    ca, x = ConvAttention(6, kernel_size, 0.0, form), torch.randn(2, 7, 6)
    expected = ca.conv(x.transpose(1, 2)).transpose(1, 2)
    assert expected.shape == x.shape
    torch.testing.assert_close(ca.convolve(x), expected)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"alpha": 1.5}, "alpha=1.5"),
        ({"alpha": -0.1}, "alpha=-0.1"),
        ({"kernel_size": 2}, "kernel_size=2: must be odd"),
        ({"kernel_size": 0}, "kernel_size=0"),
        ({"gap": 0}, "gap=0"),
        ({"drop_path": 1.0}, "drop_path=1.0"),
        ({"form": "papr"}, "unknown form 'papr'; known: official, paper"),
    ],
)
def test_wrong_dste_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DSTE(SBU15, dim=16, **arguments)


def test_drop_path():
    torch.manual_seed(0)
    x = torch.rand(20000, 2, 3) + 1
    dropped = drop_path(x, 0.1)
    kept = dropped[:, 0, 0] != 0
    assert float(kept.float().mean()) == pytest.approx(0.9, abs=0.01)
    torch.testing.assert_close(dropped[kept], x[kept] / 0.9)  # whole samples, scaled up
    assert not dropped[~kept].any()
    assert not torch.equal(drop_path(x, 0.1), dropped)
    assert drop_path(x, 0.0) is x


def test_drop_path_acts_in_training_only():
    encoder, x = DSTE(SBU15, dim=16, frames=8, drop_path=0.5), clips(4, SBU15, 3, 8, 2)
    assert not torch.equal(encoder(x), encoder(x))
    encoder.eval()
    assert torch.equal(encoder(x), encoder(x))
    encoder = DSTE(SBU15, dim=16, frames=8, drop_path=0.0)
    assert torch.equal(encoder(x), encoder(x))
    assert torch.equal(encoder(x), encoder.eval()(x))


def test_sttr_adds_positions_once():
    encoder, x = STTR(SBU15, dim=16, frames=8).eval(), clips(2, SBU15, 3, 8, 2)
    temporal, spatial = tokenise(x, "joint", SBU15)
    temporal = encoder.embed_t(temporal) + encoder.position_t
    spatial = encoder.embed_s(spatial) + encoder.position_s
    for layer_t, layer_s in zip(encoder.layers_t, encoder.layers_s, strict=True):
        temporal, spatial = layer_t(temporal), layer_s(spatial)
    assert torch.equal(encoder(x), torch.cat([temporal.amax(1), spatial.amax(1)], dim=1))
