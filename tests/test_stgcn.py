"""ST-GCN: the released encoder's numbers and sizes, a slow reference, and the encoder contract."""

import re

import numpy as np
import pytest
import torch
from layout_cases import CASES
from torch import nn
from torch.nn import functional as F

from skelf.encoders import ENCODERS, _images
from skelf.encoders._dropout import Dropout, keep_mask
from skelf.encoders._graph import partitions
from skelf.encoders._images import TemporalConv, mix, transforms, turn
from skelf.encoders.stgcn import (
    OFFICIAL_NAMES,
    STGCN,
    STRIDES,
    Block,
    GraphConv,
    initialize,
)
from skelf.errors import InputError
from skelf.layouts import KINECT20, NTU25, SBU15
from skelf.streams import STREAMS, derive


def clips(count, skeleton, channels=3, frames=8, persons=2):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, channels, frames, skeleton.joints, persons, generator=generator)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def shaken(*arguments, **sizes):
    """An encoder whose every weight and buffer matters."""
    encoder = STGCN(*arguments, **sizes)
    generator = torch.Generator().manual_seed(0)
    for name, value in encoder.state_dict().items():
        if value.is_floating_point():
            noise = torch.randn(value.shape, generator=generator)
            value.copy_(noise.abs() + 0.5 if name.endswith("running_var") else 0.3 * noise)
    return encoder


# ---- the graph ----


def test_released_graph():
    graph = partitions(NTU25)
    assert graph.shape == (3, 25, 25) and graph.dtype == torch.float32
    torch.testing.assert_close(graph.sum(dim=(0, 1)), torch.ones(25))
    assert [int((part > 0).sum()) for part in graph] == [25, 40, 8]
    closer = {
        (20, 1): 1 / 3, (20, 2): 1 / 3, (20, 4): 1 / 3, (20, 8): 1 / 3,
        (1, 0): 1 / 4, (2, 3): 1 / 2, (4, 5): 1 / 3, (8, 9): 1 / 3,
    }  # fmt: skip
    # sources C1 gives the degree of joint 1 (ours 0) as 4 and of 21 (ours 20) as 5.
    assert {tuple(e) for e in graph[2].nonzero().tolist()} == set(closer)
    for (source, destination), weight in closer.items():
        assert float(graph[2, source, destination]) == pytest.approx(weight)
    degrees = (1 / graph[0].diagonal()).round().int().tolist()
    expected = dict.fromkeys(range(25), 3) | {0: 4, 20: 5} | dict.fromkeys((3, 15, 19, 21, 23), 2)
    assert degrees == [expected[joint] for joint in range(25)]


@pytest.mark.parametrize("skeleton", CASES)
def test_graph_by_search(skeleton):
    V = skeleton.joints
    linked = np.eye(V, dtype=int)
    for a, b in skeleton.edges:
        linked[a, b] = linked[b, a] = 1
    hops = np.full(V, V)
    for hop in reversed(range(V)):
        hops[np.linalg.matrix_power(linked, hop)[skeleton.root] > 0] = hop
    for kind in ("textbook", "official"):
        known = hops if kind == "textbook" else np.where(hops > 1, 99, hops)
        expected = torch.zeros(3, V, V)
        for w in range(V):
            for v in range(V):
                if linked[v, w]:
                    part = 0 if v == w else 2 if known[v] < known[w] else 1
                    expected[part, v, w] = 1 / linked[:, w].sum()
        torch.testing.assert_close(partitions(skeleton, kind), expected)
    textbook = partitions(skeleton, "textbook")
    assert torch.equal(textbook[1] > 0, (textbook[2] > 0).T)  # each bone once in either direction


# ---- the released encoder ----


def test_paper_size():
    encoder = STGCN(NTU25)
    assert count(encoder) == 821_380
    assert count(encoder.edge_importance) == 18_750 and count(encoder.data_bn) == 150
    sizes = [2576, 3200, 3200, 3200, 11616, 12544, 12544, 45760, 49664, 658176]
    assert [count(block) for block in encoder.blocks] == sizes
    head = nn.Sequential(nn.Linear(encoder.dim, 256), nn.ReLU(), nn.Linear(256, 128))
    assert count(encoder) + count(head) == 920_068
    assert [block.dropout.p for block in encoder.blocks] == [0.0] + [0.5] * 9
    with torch.no_grad():
        assert encoder.eval().maps(clips(1, NTU25, frames=50)).shape == (2, 256, 13, 25)


def rename(key):
    for ours, released in OFFICIAL_NAMES:
        match = re.fullmatch(re.escape(released).replace(r"\{\}", "([^.]+)"), key)
        if match:
            return ours.format(*match.groups())
    raise AssertionError(key)


def test_released_weights_give_the_released_numbers(golden):
    file = {key: torch.from_numpy(value) for key, value in golden("encoder_eval").items()}
    prefix = "sd/encoder_q."
    state = {key.removeprefix(prefix): value for key, value in file.items() if prefix in key}
    encoder = STGCN(NTU25, dim=32, width=4, dropout=0.0)
    head = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 16))
    head.load_state_dict({key[3:]: value for key, value in state.items() if key[:3] == "fc."})
    assert torch.equal(state.pop("A"), encoder.adjacency)
    encoder.load_state_dict(
        {rename(key): value for key, value in state.items() if key[:3] != "fc."}
    )
    encoder.eval()
    with torch.no_grad():
        torch.testing.assert_close(head(encoder(file["x_q"])), file["z_q_eval"])
        torch.testing.assert_close(encoder.maps(file["x_e"]), file["eadm_in"])


def test_initial_weights():
    torch.manual_seed(0)
    encoder = STGCN(NTU25)
    first = {key: value.clone() for key, value in encoder.state_dict().items()}
    for name, module in encoder.named_modules():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.BatchNorm1d):
            mean = 0.0 if isinstance(module, nn.Conv2d) else 1.0
            assert not module.bias.any(), name
            margin = 0.1 / module.weight.numel() ** 0.5  # five standard errors
            assert float(module.weight.detach().mean()) == pytest.approx(mean, abs=margin), name
    assert float(encoder.blocks[9].temporal.weight.detach().std()) == pytest.approx(0.02, rel=0.01)
    assert all((edges == 1).all() for edges in encoder.edge_importance)
    initialize(encoder)
    for name, value in encoder.state_dict().items():
        fixed = "edge" in name or "bias" in name or "running" in name or "tracked" in name
        assert torch.equal(value, first[name]) == fixed, name
    linear = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64, bias=False))
    initialize(linear)
    assert not linear[0].bias.any()
    assert float(linear[1].weight.detach().std()) == pytest.approx(0.02, rel=0.05)


# ---- against a slow reference ----


def norm(x, module):
    return F.batch_norm(
        x, module.running_mean, module.running_var, module.weight, module.bias, eps=1e-5
    )


@torch.no_grad()
def slow_maps(encoder, x):
    """Sources C2, point by point: convolve, then sum over the neighbours; contiguous tensors."""
    N, C, T, V, M = x.shape
    bodies = []
    for n in range(N):
        for m in range(M):
            rows = [x[n, c, :, v, m] for v in range(V) for c in range(C)]
            bodies.append(torch.stack(rows))
    h = norm(torch.stack(bodies), encoder.data_bn)  # (N*M, V*C, T)
    h = h.view(N * M, V, C, T).permute(0, 2, 3, 1).contiguous()
    for depth, block in enumerate(encoder.blocks):
        edges = encoder.adjacency * (
            encoder.edge_importance[depth] if len(encoder.edge_importance) else 1
        )
        u = F.conv2d(h, block.graph.weight, block.graph.bias)
        u = u.view(N * M, 3, -1, u.shape[2], V)
        y = torch.zeros_like(u[:, 0])
        for k in range(3):
            for v in range(V):
                for w in range(V):
                    y[..., w] += u[:, k, :, :, v] * edges[k, v, w]
        y = norm(y, block.norm1).relu()
        y = F.conv2d(
            y, block.temporal.weight, block.temporal.bias, (STRIDES[depth], 1), padding=(4, 0)
        )
        y = norm(y, block.norm2)
        if STRIDES[depth] != 1 or y.shape[1] != h.shape[1]:
            if depth:
                conv, bn = block.residual
                y += norm(F.conv2d(h, conv.weight, conv.bias, (STRIDES[depth], 1)), bn)
        elif depth:
            y += h
        h = y.relu()
    return h


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"partition": "textbook", "edge_importance": False},
        {"in_channels": 2, "persons": 1, "frames": 9},
        {"width": 3, "dim": 12, "persons": 3, "frames": 5},
        {"width": 2, "dim": 2, "frames": 8, "in_channels": 2},
    ],
)
def test_maps_by_loop(options):
    sizes = {"dim": 10, "width": 2, "frames": 8} | options
    encoder = shaken(SBU15, **sizes).eval()
    x = clips(2, SBU15, encoder.in_channels, encoder.num_frames, encoder.persons)
    with torch.no_grad():
        maps, vector = encoder.maps(x), encoder(x)
    expected = slow_maps(encoder, x)
    assert float(expected.abs().mean()) > 0.01
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-5)
    bodies = maps.mean(dim=(2, 3))
    for n in range(2):
        persons = bodies[n * encoder.persons : (n + 1) * encoder.persons]
        torch.testing.assert_close(vector[n], persons.mean(dim=0))


@pytest.mark.parametrize("frames", [1, 4, 5, 8, 50])
def test_frames_are_linear_between_the_rows_of_the_map(frames):
    encoder = shaken(SBU15, dim=6, width=2, frames=frames).eval()
    x = clips(2, SBU15, frames=frames)
    with torch.no_grad():
        dense, maps = encoder.frames(x), encoder.maps(x)
    assert dense.shape == (2, frames, 6)
    rows = maps.view(2, 2, 6, -1, 15).mean(dim=(1, 4))  # (N, dim, T')
    assert rows.shape[2] == -(-frames // 4)
    for t in range(frames):
        expected = [
            [np.interp(t / 4, range(rows.shape[2]), channel) for channel in clip]
            for clip in rows.numpy()
        ]
        torch.testing.assert_close(dense[:, t], torch.tensor(expected).float())


def test_graph_gradients_by_autograd_of_the_reference():
    torch.manual_seed(0)
    graph = GraphConv(3, 5).double()
    x = torch.randn(2, 3, 4, 15, dtype=torch.double, requires_grad=True)
    edges = torch.rand(3, 15, 15, dtype=torch.double, requires_grad=True)
    leaves = (x, edges, graph.weight, graph.bias)
    slow = F.conv2d(x, graph.weight, graph.bias).view(2, 3, 5, 4, 15)
    slow = torch.einsum("nkctv,kvw->nctw", slow, edges)
    probe = torch.randn_like(slow)
    fast = graph(x, edges)
    torch.testing.assert_close(fast, slow)
    for ours, theirs in zip(
        torch.autograd.grad((fast * probe).sum(), leaves),
        torch.autograd.grad((slow * probe).sum(), leaves),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_first_block_has_neither_residual_nor_dropout():
    first = Block(4, 4, 1, 0.0, residual=False).eval()
    for parameter in first.norm2.parameters():
        nn.init.zeros_(parameter)
    x, edges = torch.rand(1, 4, 6, 15), partitions(SBU15)
    assert not first(x, edges).any()
    later = Block(4, 4, 1, 0.5, residual=True).eval()
    for parameter in later.norm2.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(later(x, edges), x)


# ---- the contract ----


@pytest.mark.parametrize("persons", [1, 3])
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("skeleton", CASES)
def test_every_size(skeleton, stream, persons):
    for frames, channels in ((1, 3), (9, 2)):
        sizes = {"frames": frames, "in_channels": channels, "persons": persons, "stream": stream}
        torch.manual_seed(0)
        encoder = STGCN(skeleton, dim=8, width=2, **sizes)
        attributes = (encoder.num_frames, encoder.in_channels, encoder.persons, encoder.stream)
        assert attributes == tuple(sizes.values())
        assert encoder.skeleton is skeleton and encoder.dim == 8
        x = clips(3, skeleton, channels, frames, persons)
        vector = encoder(x)
        assert vector.shape == (3, 8)
        (vector * torch.arange(8)).sum().backward()
        for name, parameter in encoder.named_parameters():
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert encoder.frames(x).shape == (3, frames, 8)


def test_registered():
    assert ENCODERS["stgcn"] is STGCN


def test_evaluation_does_not_mix_clips():
    encoder, x = shaken(KINECT20, dim=8, width=2, frames=8).eval(), clips(4, KINECT20)
    with torch.no_grad():
        vector = encoder(x)
        assert torch.equal(encoder(x), vector)
        torch.testing.assert_close(encoder(x[1:2]), vector[1:2])
        torch.testing.assert_close(
            encoder(x.flip(4)), vector
        )  # nor does the order of persons count


def test_stream_is_derived_inside():
    x = clips(2, KINECT20)
    joint = shaken(KINECT20, dim=8, width=2, frames=8).eval()
    with torch.no_grad():
        for stream in STREAMS:
            other = STGCN(KINECT20, dim=8, width=2, frames=8, stream=stream).eval()
            other.load_state_dict(joint.state_dict())
            assert torch.equal(other(x), joint(derive(x, stream, KINECT20)))


def test_half_precision():
    encoder, x = STGCN(SBU15, dim=8, width=4, frames=8).eval(), clips(2, SBU15)
    for parameter in encoder.parameters():
        parameter.data.mul_(3)
    with torch.no_grad():
        full = encoder(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half, rows = encoder(x), encoder.frames(x)
    assert rows.isfinite().all()
    torch.testing.assert_close(half.float(), full, rtol=0.1, atol=0.1)


@pytest.mark.parametrize(
    "shape", [(2, 3, 8, 20, 1), (2, 3, 8, 25, 2), (2, 3, 9, 20, 2), (2, 2, 8, 20, 2), (3, 8, 20, 2)]
)
def test_wrong_shapes_name_both(shape):
    encoder = STGCN(KINECT20, dim=8, width=2, frames=8)
    for call in (encoder, encoder.frames, encoder.maps):
        with pytest.raises(ValueError) as error:
            call(torch.zeros(shape))
        assert str(shape) in str(error.value)
        assert "(C, T, V, M) = (3, 8, 20, 2)" in str(error.value)


def test_wrong_arguments():
    with pytest.raises(InputError, match="unknown stream 'bones': did you mean 'bone'"):
        STGCN(KINECT20, stream="bones")
    with pytest.raises(ValueError, match="unknown partition 'paper'; known: official, textbook"):
        STGCN(KINECT20, partition="paper")
    for wrong in ({"width": 0}, {"dim": 0}, {"frames": 0}, {"dropout": 1.0}, {"persons": 0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}={next(iter(wrong.values()))}"):
            STGCN(KINECT20, **wrong)


# ---- the fast forms against the framework's ----


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 8, 13, 25, 50])
@pytest.mark.parametrize("kernel, stride", [(1, 1), (3, 1), (9, 1), (9, 2), (9, 3), (5, 2)])
def test_transforms_are_a_convolution(frames, kernel, stride):
    into, taps, back = (torch.from_numpy(m) for m in transforms(frames, kernel, stride))
    x, w = torch.randn(frames).double(), torch.randn(kernel).double()
    expected = F.conv1d(x[None, None], w[None, None], stride=stride, padding=kernel // 2)
    torch.testing.assert_close(back @ ((taps @ w) * (into @ x)), expected[0, 0])


@pytest.mark.parametrize("channels, frames, stride", [(64, 13, 1), (32, 25, 1), (64, 25, 2)])
def test_transformed_convolution_is_as_exact_as_the_direct_one(
    channels, frames, stride, monkeypatch
):
    monkeypatch.setattr(_images, "WORTH", 1.25)  # how soon it pays depends on the processor
    monkeypatch.setattr(_images, "WORTH_TRAINING", 1.25)
    torch.manual_seed(0)
    conv = TemporalConv(channels, 9, stride)
    x = turn(torch.randn(frames, 5, 3, channels)).requires_grad_()
    assert len(transforms(frames, 9, stride)[0]) < 9 * -(-frames // stride)
    assert conv._worth_transforming(x)
    y, found = conv(x), []
    exact = F.conv2d(
        x.double(), conv.weight.double(), conv.bias.double(), (stride, 1), padding=(4, 0)
    )
    direct = F.conv2d(x, conv.weight, conv.bias, (stride, 1), padding=(4, 0))
    probe = torch.randn_like(exact)
    leaves = (x, conv.weight, conv.bias)
    for out in (exact, y, direct):
        gradients = torch.autograd.grad((out * probe).sum(), leaves)
        found.append([t.detach().double() for t in (out, *gradients)])
    for expected, ours, theirs in zip(*found, strict=True):
        error, usual = (float((t - expected).norm() / expected.norm()) for t in (ours, theirs))
        assert error < max(2 * usual, 1e-6)


@pytest.mark.parametrize("channels", [3, 32])
def test_mixed_partitions_by_einsum(channels):
    torch.manual_seed(0)
    rows = torch.randn(4, 3, 30, channels, dtype=torch.double, requires_grad=True)
    weight = torch.randn(3, 5, channels, dtype=torch.double, requires_grad=True)
    slow, fast = torch.einsum("tkrc,koc->tro", rows, weight), mix(rows, weight)
    torch.testing.assert_close(fast, slow)
    probe = torch.randn_like(slow)
    for ours, theirs in zip(
        torch.autograd.grad((fast * probe).sum(), (rows, weight)),
        torch.autograd.grad((slow * probe).sum(), (rows, weight)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)
    with torch.no_grad():
        torch.testing.assert_close(mix(rows, weight), slow)


@pytest.mark.parametrize("p", [0.5, 0.25, 0.75, 0.3])
def test_dropout(p):
    torch.manual_seed(0)
    dropout, x = Dropout(p), torch.ones(8, 16, 50, 25)
    state = torch.get_rng_state()
    y = dropout(x)
    assert y.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)])
    kept = (y > 0).double()
    assert float(kept.mean()) == pytest.approx(1 - p, abs=5 * (p * (1 - p) / y.numel()) ** 0.5)
    # Neighbours in memory, and along each dimension, are kept independently of each other.
    for dim in range(4):
        pairs = (kept * kept.roll(1, dim)).mean()
        assert float(pairs) == pytest.approx((1 - p) ** 2, abs=0.01), dim
    for lag in (1, 8, 32, 64):
        flat = turn(kept).reshape(-1)
        assert float((flat * flat.roll(lag)).mean()) == pytest.approx((1 - p) ** 2, abs=0.01), lag
    assert not torch.equal(dropout(x), y)
    torch.set_rng_state(state)
    assert torch.equal(dropout(x), y)  # what a checkpoint keeps is enough
    assert dropout.eval()(x) is x


@pytest.mark.parametrize("kept", [128, 64])
def test_every_bit_of_a_mask_is_random(kept):
    torch.manual_seed(0)
    mask = keep_mask(64 * 4096, kept, torch.float32).view(-1, 64) > 0
    assert ((mask.double().mean(dim=0) - kept / 256).abs() < 0.04).all()


def test_absent_persons_are_encoded_once_and_equal():
    encoder = shaken(SBU15, dim=8, width=2, frames=8, persons=3).eval()
    x = clips(4, SBU15, persons=3)
    x[0, ..., 1:] = 0
    x[1, ..., 0] = 0
    x[3] = 0
    seen = []
    encoder.blocks[0].register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    maps, vector, dense = encoder.maps(x), encoder(x), encoder.frames(x)
    with torch.no_grad():
        torch.testing.assert_close(encoder.maps(x), maps)
        torch.testing.assert_close(encoder(x), vector)
        torch.testing.assert_close(encoder.frames(x), dense)
        assert seen == [12, 12, 12, 7, 7, 7]
        for none in (x[3:], torch.zeros_like(x)):
            assert encoder(none).isfinite().all() and seen[-1] == 1
        encoder.train().maps(x)
    assert seen[-1] == 12
