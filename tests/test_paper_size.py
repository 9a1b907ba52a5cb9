"""The largest methods at the papers' size on a CPU: they build, and train in bf16 (slow where that
is emulated)."""

from pathlib import Path

import pytest
import torch

from skelf.encoders.dste import DSTE
from skelf.layouts import NTU25
from skelf.methods.usdrl import USDRL
from skelf.profiling.count import profile

LARGE = Path(__file__).parents[1] / "experiments/partwhole_large.toml"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_training_step_in_bf16() -> None:
    torch.manual_seed(0)
    method = USDRL(DSTE(NTU25, dim=1024))
    assert sum(p.numel() for p in method.parameters()) == pytest.approx(94.93e6, abs=5e3)
    optimizer = torch.optim.Adam(method.parameters(), lr=5e-4, weight_decay=1e-5)
    x, lengths = torch.randn(2, 3, 80, 25, 2), torch.tensor([80, 70])
    views = method.views(x, lengths, torch.Generator().manual_seed(0))
    before = {name: value.clone() for name, value in method.named_parameters()}
    with torch.autocast("cpu", torch.bfloat16):
        terms = method(*views)
    terms["loss"].backward()
    optimizer.step()
    assert terms["loss"].dtype == torch.float32 and torch.isfinite(terms["loss"])
    for name, value in method.named_parameters():
        assert torch.isfinite(value).all(), name
        # A bias before BatchNorm has no gradient: the shift is subtracted again.
        assert value.dim() < 2 or not torch.equal(value, before[name]), name


def test_partwhole_is_profiled() -> None:
    found = profile("partwhole", config=LARGE, time=False)
    features, dim = 3 * 25 * 2 * 7, 1024  # a pose and its six differences, two persons
    layer = 4 * dim**2 + 2 * dim + 2 * dim  # three taps and a way out, a LayerNorm, two biases
    encoder = 2 * features + (features + 1) * dim + 4 * layer + 2 * dim
    assert found.encoder_parameters == encoder == pytest.approx(17.87e6, abs=5e3)
    products = 2 * 64 * dim * (features + 16 * dim)
    assert found.encoder_flops == products and found.batch_size == 356
    wide, hidden = 3 * dim, 2048
    projector = (wide + 1) * hidden + (hidden + 1) * hidden + (hidden + 1) * 2 * hidden + 4 * hidden
    predictor = 2 * (wide + 1) * wide + 2 * wide
    assert found.parameters == found.trained == encoder + projector + predictor


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_partwhole_takes_measured_steps() -> None:
    found = profile("partwhole", config=LARGE, batch=2, steps=1, device="cpu")
    assert found.failure is None and found.timing is not None
    assert found.timing.batch == 2 and found.timing.clips_per_second > 0
