"""Numbers that the authors' code gave (sources U18): float32, eval mode, the official layout."""

import math

import numpy as np
import pytest
import torch

from skelf.encoders.dste import DSTE
from skelf.encoders.sttr import STTR
from skelf.layouts import NTU25
from skelf.methods import usdrl_official
from skelf.methods.usdrl import USDRL

HIDDEN = 32
# name: (sum, sum of squares, first four, last)
GOLDEN = {
    "dste": {
        "emb_t": (-56.547873, 1114.545064, [0.168198, -0.541017, -0.709806, -0.172308], -0.448839),
        "emb_s": (160.516100, 731.444866, [0.688879, 0.198419, -0.432568, -0.625967], 0.707469),
        "ca": (191.297733, 12.965408, [0.07402, 0.02732, 0.021057, 0.072965], 0.008592),
        "dsa": (1168.604949, 4471.058610, [0.098838, 0.371472, -0.717157, 0.791765], 0.857129),
        "y_t": (1348.292973, 2136.611220, [0.064556, 0.624223, -0.110569, 0.749782], 1.138241),
        "y_s": (159.318906, 85.672329, [0.166852, 0.014283, -0.057812, -0.123397], 0.062018),
        "temporal": (3.726186, 208.749339, [-0.654882, -1.752915, -0.940343, 0.921149], 0.979848),
        "spatial": (6.149940, 5.834846, [0.204272, -0.07791, -0.257818, -0.16979], 0.194873),
        "instance": (-2.234603, 415.561281, [-0.603302, -1.632816, 0.736355, 1.718753], -0.162309),
        "bone": (-2.233247, 413.779457, [-0.60074, -1.626032, 0.733657, 1.712023], -0.162281),
        "motion": (-2.237664, 419.587921, [-0.606719, -1.641862, 0.739953, 1.727728], -0.162772),
    },
    "sttr": {
        "y_t": (-17.894280, 4475.172510, [-0.511306, -0.124481, -1.745498, 0.482297], 0.155689),
        "y_s": (-141.750522, 3214.258585, [1.345136, 0.242786, -1.08305, -1.464312], 1.263324),
        "instance": (-1.902321, 93.292753, [-0.268917, -0.745704, 0.384222, 0.838686], -0.106204),
    },
}


def fill(name: str, like: torch.Tensor) -> torch.Tensor:
    """The fill rule of sources U18: a tensor's values follow from its official name alone."""
    if name == "backbone.tpe.pe" or name.endswith("num_batches_tracked"):
        return like
    base = name.replace(".DSA.attn.", ".CA.attn.")  # shared attention uses its CA name
    c = sum(map(ord, base)) % 17
    n = np.arange(like.numel(), dtype=np.float64)
    v = 0.05 * np.sin(0.013 * (1 + 0.1 * c) * n + c)
    if like.dim() == 1 and name.endswith(".weight"):
        v = 1 + v
    if name.endswith("running_var"):
        v = 1 + np.abs(v)
    return torch.from_numpy(v.astype(np.float32)).view(like.shape)


def build(encoder_class: type, stream: str = "joint") -> tuple[USDRL, dict[str, torch.Tensor]]:
    encoder = encoder_class(NTU25, dim=HIDDEN, stream=stream)
    names = usdrl_official.save(USDRL(encoder))
    state = {name: fill(name, value) for name, value in names.items()}
    method = usdrl_official.load(state, NTU25).eval()
    method.encoder.stream = stream
    return method, state


def clip() -> torch.Tensor:
    k = np.arange(2 * 3 * 64 * 25 * 2, dtype=np.float64)
    x = np.sin(0.01 * k) + 0.3 * np.cos(0.037 * k)
    return torch.from_numpy(x.astype(np.float32)).view(2, 3, 64, 25, 2)


def check(value: torch.Tensor, golden: tuple[float, float, list[float], float]) -> None:
    total, squares, first, last = golden
    flat = value.double().flatten()
    # A sum of large values that cancel is known to the accuracy of the values, not of the sum.
    assert math.isclose(
        flat.sum(), total, rel_tol=1e-4, abs_tol=1e-6 * float(flat.abs().sum()) + 1e-4
    )
    assert math.isclose(flat.square().sum(), squares, rel_tol=1e-4)
    torch.testing.assert_close(flat[:4], torch.tensor(first).double(), rtol=1e-4, atol=2e-6)
    assert math.isclose(flat[-1], last, rel_tol=1e-4, abs_tol=2e-6)


@torch.no_grad()
def test_dste_reproduces_every_stage() -> None:
    method, state = build(DSTE)
    golden, encoder, x = GOLDEN["dste"], method.encoder, clip()
    assert len(state) == 182
    stages = {}
    encoder.embed_t.register_forward_hook(lambda *a: stages.update(emb_t=a[2]))
    encoder.embed_s.register_forward_hook(lambda *a: stages.update(emb_s=a[2]))
    encoder.layers_t[0].ca.register_forward_hook(lambda *a: stages.update(ca=a[2]))
    encoder.layers_t[0].dsa.register_forward_hook(lambda *a: stages.update(dsa=a[2]))
    stages["y_t"], stages["y_s"] = encoder.tokens(x)
    projected = method.project(x)
    for name in ("emb_t", "emb_s", "ca", "dsa", "y_t", "y_s"):
        check(stages[name], golden[name])
    for name in ("temporal", "spatial", "instance"):
        check(projected[name], golden[name])


@torch.no_grad()
@pytest.mark.parametrize("stream", ["bone", "motion"])
def test_dste_streams(stream: str) -> None:
    check(build(DSTE, stream)[0].project(clip())["instance"], GOLDEN["dste"][stream])


@torch.no_grad()
def test_sttr() -> None:
    method, _ = build(STTR)
    y_t, y_s = method.encoder.tokens(clip())
    check(y_t, GOLDEN["sttr"]["y_t"])
    check(y_s, GOLDEN["sttr"]["y_s"])
    check(method.project(clip())["instance"], GOLDEN["sttr"]["instance"])


@pytest.mark.parametrize("encoder_class", [DSTE, STTR])
def test_official_layout_round_trip(encoder_class: type) -> None:
    method, state = build(encoder_class)
    again = usdrl_official.save(method)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[k], state[k]) for k in state if k != "backbone.tpe.pe")


def test_paper_size() -> None:
    with torch.device("meta"):
        for encoder_class, total, backbone in ((DSTE, 94.93, 57.14), (STTR, 65.51, 27.71)):
            method = USDRL(encoder_class(NTU25))
            millions = [
                sum(p.numel() for p in m.parameters()) / 1e6 for m in (method, method.encoder)
            ]
            assert millions == pytest.approx([total, backbone], abs=0.005)
