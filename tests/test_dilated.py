"""The dilated head: against a slow reference, behind its ends, and how far it sees."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skelf.losses.steadiness import unsteadiness
from skelf.protocols.dilated import Dilated, known, layers_for


def made(dim=5, classes=3, *, layers=3, width=4):
    torch.manual_seed(0)
    head = Dilated(dim, classes, width=width, layers=layers).eval()
    head.mean.copy_(torch.randn(dim))
    head.deviation.copy_(torch.rand(dim) + 0.5)
    return head


def slow(head, x):
    """Logits `(T, K)` of one recording `(T, D)`, frame by frame, from the weights alone."""
    w = {name: value.double().numpy() for name, value in head.state_dict().items()}
    x = (x.double().numpy() - w["mean"]) / w["deviation"]
    h = [w["first.weight"][:, :, 0] @ row + w["first.bias"] for row in x]
    for depth in range(len(head.layers)):
        name, far, new = f"layers.{depth}", 2**depth, []
        for t, row in enumerate(h):
            wide = w[f"{name}.wide.bias"].copy()
            for tap, at in enumerate((t - far, t, t + far)):
                if 0 <= at < len(h):
                    wide += w[f"{name}.wide.weight"][:, :, tap] @ h[at]
            narrow = w[f"{name}.narrow.weight"][:, :, 0] @ np.maximum(wide, 0)
            new.append(row + narrow + w[f"{name}.narrow.bias"])
        h = new
    return np.stack([w["last.weight"][:, :, 0] @ row + w["last.bias"] for row in h])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(1, 4), st.integers(0, 99))
def test_a_padded_batch_says_what_a_slow_loop_says_of_each_recording(lengths, layers, seed):
    """Whatever lies behind a recording's end, as other recordings' length, changes nothing."""
    head = made(layers=layers)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(lengths), max(lengths) + 3, 5, generator=generator) * 100
    with torch.no_grad():
        logits = head(x, torch.tensor(lengths))
        for row, length, told in zip(x, lengths, logits, strict=True):
            expected = slow(head, row[:length])
            np.testing.assert_allclose(told[:length], expected, rtol=1e-3, atol=1e-2)
            alone = head(row[None, :length], torch.tensor([length]))[0]
            np.testing.assert_allclose(told[:length], alone, rtol=1e-4, atol=1e-3)


def test_padding_gets_no_gradient():
    head, x = made(), torch.randn(2, 20, 5, requires_grad=True)
    logits = head(x, torch.tensor([20, 7]))
    logits[1, :7].sum().backward()
    assert x.grad[1, :7].abs().sum(dim=1).min() > 0
    assert not x.grad[1, 7:].any() and not x.grad[0].any()


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_a_frame_sees_as_far_as_the_layers_say(layers):
    torch.manual_seed(1)
    head, x = Dilated(3, 2, width=32, layers=layers).eval(), torch.randn(1, 61, 3)
    x.requires_grad_()
    head(x, torch.tensor([61]))[0, 30].sum().backward()
    seen = np.flatnonzero(x.grad[0].abs().sum(dim=1).numpy())
    reach = 2**layers - 1
    assert seen.min() == 30 - reach and seen.max() == 30 + reach


@given(st.floats(0.1, 1e4))
def test_layers_reach_what_is_asked_and_no_layer_is_idle(frames):
    layers = layers_for(frames)
    assert 2**layers - 1 >= frames - 1e-6 * frames
    assert layers == 1 or 2 ** (layers - 1) - 1 < frames


def test_known():
    expected = [[True, True, False], [False, False, False], [True, True, True]]
    assert known(torch.tensor([2, 0, 3]), 3).tolist() == expected


def test_unsteadiness_is_the_slow_mean_and_moves_the_later_frame():
    torch.manual_seed(0)
    logits, lengths = torch.randn(3, 9, 4) * 5, [9, 1, 4]
    logits.requires_grad_()
    value = unsteadiness(logits, known(torch.tensor(lengths), 9), cap=2.0)
    log_p, changes = logits.detach().log_softmax(dim=2), []
    for n, length in enumerate(lengths):
        for t in range(1, length):
            changes += [min((log_p[n, t, k] - log_p[n, t - 1, k]) ** 2, 4.0) for k in range(4)]
    assert value.item() == pytest.approx(float(np.mean(changes)), rel=1e-5)
    value.backward()
    assert not logits.grad[:, 0].any() and not logits.grad[1].any()
    assert not logits.grad[2, 4:].any() and logits.grad[0].any()
    alone = unsteadiness(logits[:1, :1], torch.ones(1, 1, dtype=torch.bool))
    assert alone.item() == 0
