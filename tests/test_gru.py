"""GRU: the encoder contract, and both ways of reading time against stepping frame by frame."""

import math

import pytest
import torch
from layout_cases import CASES
from torch import nn

from skelf.encoders import ENCODERS
from skelf.encoders.gru import GRU
from skelf.errors import InputError
from skelf.layouts import KINECT20, SBU15
from skelf.streams import STREAMS, derive


def clips(count, skeleton, channels=3, frames=8, persons=2):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, channels, frames, skeleton.joints, persons, generator=generator)


def made(**arguments):
    torch.manual_seed(0)
    return GRU(SBU15, **{"dim": 8, "frames": 8} | arguments)


@pytest.mark.parametrize("persons", [1, 2, 3])
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("skeleton", CASES)
def test_every_size(skeleton, stream, persons):
    for frames, channels, causal in ((8, 3, True), (12, 2, False)):
        sizes = {"frames": frames, "in_channels": channels, "persons": persons, "stream": stream}
        encoder = GRU(skeleton, dim=8, causal=causal, **sizes)
        assert tuple(
            getattr(encoder, name) for name in ("num_frames", "in_channels", "persons", "stream")
        ) == (frames, channels, persons, stream)
        assert encoder.skeleton is skeleton and encoder.dim == 16
        x = clips(4, skeleton, channels, frames, persons)
        vector = encoder(x)
        assert vector.shape == (4, 16)
        vector.square().sum().backward()
        for name, parameter in encoder.named_parameters():
            assert parameter.grad.isfinite().all() and parameter.grad.any(), name
        with torch.no_grad():
            rows = encoder.eval().frames(x)
            vector = encoder(x)
        assert rows.shape == (4, frames, 16)
        torch.testing.assert_close(vector[:, :8], rows[:, -1, :8])
        torch.testing.assert_close(vector[:, 8:], rows[:, -1 if causal else 0, 8:])


@torch.no_grad()
def test_causal_is_a_bidirectional_gru_stepped_frame_by_frame():
    encoder, x = made(layers=3).eval(), clips(3, SBU15)
    theirs = nn.GRU(90, 8, 3, batch_first=True, bidirectional=True)
    theirs.load_state_dict(
        {
            f"{tensor}_l{depth}{'_reverse' * direction}": getattr(
                encoder.layers[depth][direction], f"{tensor}_l0"
            )
            for tensor in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            for depth in range(3)
            for direction in range(2)
        }
    )
    rows = encoder.norm(x.permute(0, 2, 3, 1, 4).flatten(2).flatten(0, 1)).view(3, 8, 90)
    hidden, stepped = None, []
    for t in range(8):
        out, hidden = theirs(rows[:, t : t + 1], hidden)
        stepped.append(out)
    torch.testing.assert_close(encoder.frames(x), torch.cat(stepped, dim=1))
    other = made(layers=3, causal=False).eval()
    other.load_state_dict(encoder.state_dict())
    whole, last = theirs(rows)
    torch.testing.assert_close(other.frames(x), whole)
    torch.testing.assert_close(other(x), torch.cat([last[-2], last[-1]], dim=1))
    assert not torch.allclose(other.frames(x), encoder.frames(x), atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("causal", [True, False])
def test_what_a_frame_sees(causal):
    encoder, x = made(causal=causal).eval(), clips(2, SBU15)
    changed = x.clone()
    changed[:, :, 5] += 1
    same = torch.isclose(encoder.frames(x), encoder.frames(changed)).all(dim=2)
    assert (same[:, :5].all() if causal else not same[:, :5].any()) and not same[:, 5:].any()


@torch.no_grad()
def test_input_norm_sees_each_joint_coordinate_and_person():
    encoder, x = made(), 3 * clips(4, SBU15) + 2
    rows = encoder.rows(x)
    for t in range(8):
        for v in range(15):
            for c in range(3):
                for m in range(2):
                    assert torch.equal(rows[t, :, (v * 3 + c) * 2 + m], x[:, c, t, v, m])
    normal = encoder.normalise(rows)
    torch.testing.assert_close(normal.mean(dim=(0, 1)), torch.zeros(90), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        normal.std(dim=(0, 1), correction=0), torch.ones(90), rtol=1e-4, atol=0
    )


@torch.no_grad()
def test_evaluation():
    encoder, again, x = made().eval(), GRU(SBU15, dim=8, frames=8).eval(), clips(4, SBU15)
    vector = encoder(x)
    torch.testing.assert_close(encoder(x[:1]), vector[:1])  # clips do not mix
    assert not torch.equal(again(x), vector)
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(again(x), vector)
    for stream in STREAMS:
        other = made(stream=stream).eval()
        other.load_state_dict(encoder.state_dict())
        assert torch.equal(other(x), encoder(derive(x, stream, SBU15)))


def test_initial_weights():
    encoder = GRU(KINECT20, dim=64)
    for depth, pair in enumerate(encoder.layers):
        for gru in pair:
            for weight, ins in ((gru.weight_ih_l0, 128 if depth else 120), (gru.weight_hh_l0, 64)):
                bound = math.sqrt(6 / (192 + ins))
                assert 0.98 * bound < float(weight.detach().abs().max()) <= bound
            assert 0 < float(gru.bias_hh_l0.detach().abs().max()) <= 1 / 8


def test_wrong_arguments_and_shapes():
    assert ENCODERS["gru"] is GRU
    with pytest.raises(InputError, match="unknown stream 'bones': did you mean 'bone'"):
        made(stream="bones")
    for call in (made(), made().frames):
        with pytest.raises(ValueError, match=r"\(3, 8, 15, 2\), got \(2, 3, 9, 15, 2\)"):
            call(torch.zeros(2, 3, 9, 15, 2))


def test_half_precision():
    encoder, x = made().eval(), clips(2, SBU15)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        half = encoder(x)
    torch.testing.assert_close(half.float(), encoder(x).detach(), rtol=0.1, atol=0.02)
