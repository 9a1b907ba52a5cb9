"""Numbers that the authors' code gave (sources P14): float32, the official layout and names."""

import math

import numpy as np
import pytest
import torch
from test_usdrl_golden import check, fill
from torch import nn

from skelf.encoders.gru import GRU
from skelf.layouts import NTU25
from skelf.losses.contrastive import cosines, info_nce
from skelf.losses.distillation import relational
from skelf.methods._pcm3_decoder import Decoder
from skelf.methods.pcm3 import PCM3
from skelf.methods.pcm3_official import encoder_names

GOLDEN = {
    "states": (16.139037, 2.006674, [0.006379, 0.007934, 0.00974, 0.011583], 0.149725),
    "last": (1.968833, 0.317993, [-0.058632, -0.028709, 0.005098, 0.039791], 0.149725),
    "fc": (-0.328752, 0.016129, [-0.060065, -0.051294, -0.035878, -0.017009], 0.002660),
    "train": (2.056451, 0.370465, [-0.066815, -0.033703, 0.003673, 0.041997], 0.159980),
    "decoded": (-43.139863, 4.225449, [-0.023188, -0.025656, -0.028358, -0.031135], 0.034485),
}


def sequence(*shape: int) -> torch.Tensor:
    k = np.arange(math.prod(shape), dtype=np.float64)
    x = np.sin(0.01 * k) + 0.3 * np.cos(0.037 * k)
    return torch.from_numpy(x.astype(np.float32)).view(shape)


@torch.no_grad()
def test_encoder() -> None:
    encoder = GRU(NTU25, dim=8, frames=10)
    names = encoder_names(encoder)
    encoder.load_state_dict(
        {ours: fill(name, encoder.state_dict()[ours]) for name, ours in names.items()}
    )
    head = nn.Linear(16, 5)
    head.load_state_dict({k: fill(f"fc.{k}", v) for k, v in head.state_dict().items()})
    # (N, T, 150), joint, coordinate, person within a frame.
    x = sequence(2, 10, 150).view(2, 10, 25, 3, 2).permute(0, 3, 1, 2, 4)
    encoder.eval()
    last = encoder(x)
    check(encoder.frames(x), GOLDEN["states"])
    check(last, GOLDEN["last"])
    check(head(last), GOLDEN["fc"])
    check(encoder.train()(x), GOLDEN["train"])


@torch.no_grad()
def test_decoder() -> None:
    decoder = Decoder(4, 16, 150)
    for module, name in ((decoder.gru, "decoder"), (decoder.out, "reconstruction")):
        module.load_state_dict({k: fill(f"{name}.{k}", v) for k, v in module.state_dict().items()})
    rows = decoder(sequence(2, 10, 16).transpose(0, 1))
    check(rows.transpose(0, 1), GOLDEN["decoded"])


def test_contrast() -> None:
    def table(rows: int, columns: int, p: float) -> torch.Tensor:
        i, j = torch.arange(rows)[:, None], torch.arange(columns)
        return torch.sin(1.1 * i + 0.9 * j + p) + 0.05 * j

    q, k = (nn.functional.normalize(table(4, 6, p), dim=1) for p in (0.3, 0.7))
    queue = nn.functional.normalize(table(6, 8, 1.9), dim=0).T
    logits = cosines(q, k, queue)
    assert float(info_nce(logits / 0.07)) == pytest.approx(0.8039090633392334, rel=1e-5)
    divergence = relational(logits[:, 1:], k @ queue.T)
    assert float(divergence) == pytest.approx(0.9218258261680603, rel=1e-5)


def test_paper_size() -> None:
    with torch.device("meta"):
        method = PCM3(GRU(NTU25))

    def millions(*modules: nn.Module) -> float:
        return sum(p.numel() for m in modules for p in m.parameters()) / 1e6

    assert millions(method.encoder, method.projector) == pytest.approx(49.46, abs=0.005)
    assert millions(method.decoder.neck) == pytest.approx(1.31, abs=0.005)
    assert millions(method.decoder.gru, method.decoder.out) == pytest.approx(3.23, abs=0.005)
    assert millions(method) == pytest.approx(103.5, abs=0.05)
