"""Predict & Cluster: loss and gradients against a slow reference, what stays fixed, bad input."""

import math

import pytest
import torch
from torch.nn import functional as F

from skelf.encoders import ENCODERS
from skelf.layouts import KINECT20, SBU15
from skelf.losses.reconstruction import sequence_error
from skelf.methods._weak_decoder import WeakDecoder
from skelf.methods.predict_cluster import PredictCluster


def clips(count=3, frames=16, persons=1, seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 3, frames, 15, persons, generator=draw, dtype=torch.float64)
    x[:, :, :, 2] = 0  # a joint that is never there
    x[1, :, 3:6] = 0  # frames without anybody
    return x


def made(weak="weights", name="gru", persons=1, stream="joint", frames=8):
    torch.manual_seed(0)
    more = {"causal": False, "layers": 1} if name == "gru" else {}
    encoder = ENCODERS[name](SBU15, persons=persons, stream=stream, dim=6, frames=frames, **more)
    return PredictCluster(encoder, weak=weak)


def reference(method, clip):
    """One clip, one frame, one joint after the other, from the facts (sources Q1 to Q3)."""
    decoder, encoder = method.decoder, method.encoder
    H, vectors, total = encoder.dim, encoder(clip), 0.0
    N, _, T, V, M = clip.shape
    for n in range(N):
        vector = state = vectors[n]
        frame = clip[n, :, 0].flatten()
        loss, counted = 0.0, 0
        for t in range(1 if decoder.of_frame else 0, T):
            sums = decoder.of_state.weight @ state + decoder.of_state.bias
            fed = decoder.of_frame.weight @ frame if decoder.of_frame else torch.zeros_like(sums)
            r = torch.sigmoid(sums[:H] + fed[:H])
            z = torch.sigmoid(sums[H : 2 * H] + fed[H : 2 * H])
            new = torch.tanh(fed[2 * H :] + r * sums[2 * H :])
            output = (1 - z) * new + z * state
            given = decoder.out.weight @ output + decoder.out.bias
            if decoder.of_frame:
                frame, state = frame + given, vector
            else:
                frame, state = given, output
            predicted, anybody = frame.view(3, V, M), False
            for v in range(V):
                for m in range(M):
                    if clip[n, :, t, v, m].any():
                        loss = loss + (predicted[:, v, m] - clip[n, :, t, v, m]).abs().sum()
                        anybody = True
            counted += anybody
        total = total + loss / counted / N
    return total


@pytest.mark.parametrize("weak", ["weights", "states", "none"])
@pytest.mark.parametrize("persons", [1, 2])
def test_loss_and_gradients_against_loops(weak, persons):
    method = made(weak, persons=persons).double().train()
    clip = clips(frames=8, persons=persons)
    loss = method(clip)["loss"]
    wanted = reference(method, clip)
    torch.testing.assert_close(loss, wanted)
    trained = [p for p in method.parameters() if p.requires_grad]
    found, expected = (torch.autograd.grad(value, trained) for value in (loss, wanted))
    torch.testing.assert_close(found, expected)


def test_fixed_weights_stay_and_the_others_move():
    for weak, moving in (("weights", False), ("states", True), ("none", True)):
        method = made(weak)
        (clip,) = method.views(*padded(), torch.Generator())
        method(clip)["loss"].backward()
        assert all(p.requires_grad == moving for p in method.decoder.parameters())
        assert all((p.grad is not None) == moving for p in method.decoder.parameters())
        assert all(p.grad is not None and p.grad.any() for p in method.encoder.layers.parameters())


def padded():
    return clips().float(), torch.tensor([16, 11, 5])


def test_the_whole_clip_is_read_and_nothing_of_the_padding():
    method = made()
    x, lengths = padded()
    spoiled = x.clone()
    spoiled[2, :, 5:] = 100.0
    one, two = (method.views(given, lengths, torch.Generator())[0] for given in (x, spoiled))
    assert torch.equal(one, two) and one.shape == (3, 3, 8, 15, 1)
    torch.testing.assert_close(one[0, :, 1, :, 0], (x[0, :, 2, :, 0] + x[0, :, 3, :, 0]) / 2)


def test_the_sequence_of_a_fixed_state_depends_on_its_vector_and_first_frame_alone():
    torch.manual_seed(1)
    decoder = WeakDecoder(4, 3, "states")
    vector, first = torch.randn(2, 4), torch.randn(2, 3)
    sequence = decoder(vector, 5, first)
    again = decoder(vector, 3, sequence[1])  # from its own second frame on it goes on alike
    torch.testing.assert_close(again, sequence[2:])


def test_a_cell_without_input_is_torchs():
    decoder, cell = WeakDecoder(4, 3, "weights"), torch.nn.GRUCell(1, 4)
    with torch.no_grad():
        cell.weight_hh.copy_(decoder.of_state.weight)
        cell.bias_hh.copy_(decoder.of_state.bias)
        cell.bias_ih.zero_()
    state, found = torch.randn(2, 4), decoder(torch.randn(2, 4), 1, torch.randn(2, 3))
    assert found.shape == (1, 2, 3) and not found.requires_grad
    states = decoder._states(state, 3)
    for t in range(3):
        state = cell(torch.zeros(2, 1), state)
        torch.testing.assert_close(states[t], state.detach())


def test_first_weights():
    decoder = WeakDecoder(50, 30, "states")
    assert torch.equal(decoder.of_state.bias, torch.cat([torch.ones(100), torch.zeros(50)]))
    for layer in (decoder.of_state, decoder.of_frame):
        gates, candidate = (w.abs().max() for w in layer.weight.detach().split(100))
        assert 0.99 < float(gates) / math.sqrt(6 / 180) <= 1
        assert 0.99 < float(candidate) / math.sqrt(6 / 130) <= 1
    assert 0.03 < float(decoder.out.weight.detach().abs().max()) <= 0.04


def test_other_encoders_and_streams():
    for name in ("tcn", "sttr"):
        method = made(name=name, stream="motion")
        (clip,) = method.views(*padded(), torch.Generator())
        loss = method(clip)["loss"]
        predicted = method.decoder(method.encoder(clip), 8, clip[0, 0]).view(8, 3, 3, 15)
        moved = F.pad(clip.diff(dim=2), (0, 0, 0, 0, 0, 1))[..., 0].permute(2, 0, 1, 3)
        there = (clip != 0).any(dim=1)[..., 0].permute(1, 0, 2)[:, :, None]  # (T, N, 1, V)
        error = ((predicted - moved).abs() * there).sum(dim=(2, 3)).sum(dim=0)
        counted = there.any(dim=3)[..., 0].sum(dim=0)
        torch.testing.assert_close(loss, (error / counted).mean())


def test_a_sequence_of_nobody_has_no_error():
    nothing = torch.zeros(4, 2, 3)
    assert sequence_error(nothing + 1, nothing, nothing > 0).tolist() == [0, 0]


def test_bad_settings():
    encoder = ENCODERS["gru"](KINECT20, persons=1, dim=4, frames=1)
    with pytest.raises(ValueError, match=r"encoder\.frames=1"):
        PredictCluster(encoder)
    with pytest.raises(ValueError, match="unknown weak 'FW'; known: weights, states, none"):
        made("FW")
