"""USDRL at the paper's size on a CPU: builds, and trains in bf16 (slow where that is emulated)."""

import pytest
import torch

from skelf.encoders.dste import DSTE
from skelf.layouts import NTU25
from skelf.methods.usdrl import USDRL


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
