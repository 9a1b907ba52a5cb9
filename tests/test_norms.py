"""BatchNorm of many rows: its sums in float32 on a CPU are those of float64, to rounding."""

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from skelf.encoders import _norms
from skelf.encoders._norms import MapNorm, RowNorm, blocks
from skelf.encoders.gru import GRU
from skelf.encoders.stgcn import STGCN
from skelf.layouts import NTU25
from skelf.machine import private
from skelf.methods import _sync_norm
from skelf.methods._pcm3_decoder import Decoder
from skelf.methods._sync_norm import SyncNorm, synchronize
from skelf.methods.usdrl import Projector

ROWS = 36_000
CHANNELS = 8


def draw(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))


def passed(norm, x, gradient):
    """Output, all gradients and running statistics of one pass."""
    x = x.clone().requires_grad_()
    y = norm(x)
    of = torch.autograd.grad(y, (x, norm.weight, norm.bias), gradient)
    return [y.detach(), *of, norm.running_mean, norm.running_var]


def maps(kind, x):
    """Rows as this class takes them: `(B, C, T, V)` that lies as `(T, V, B, C)`, or as they are."""
    return (
        x if kind in (nn.BatchNorm1d, RowNorm) else x.view(10, 18, -1, CHANNELS).permute(2, 3, 0, 1)
    )


def errors(norm, kind, training=True):
    """Of each of `passed`, the largest error relative to the largest number in float64."""
    x = draw(ROWS, CHANNELS) + 1.0
    gradient = x.abs()  # not independent of x: else the scale's gradient is only a rounding error
    nn.init.normal_(norm.weight, 1.0, 0.3)
    norm.train(training)
    exact = passed(
        copy.deepcopy(norm).double(), maps(kind, x).double(), maps(kind, gradient).double()
    )
    ours = passed(norm, maps(kind, x), maps(kind, gradient))
    pairs = zip(ours, exact, strict=True)
    return [float((a - b).abs().max() / b.abs().max()) for a, b in pairs]


@pytest.mark.parametrize("training", [True, False], ids=["training", "frozen"])
@pytest.mark.parametrize("kind", [RowNorm, MapNorm])
def test_error_of_float32(kind, training):
    assert max(errors(kind(CHANNELS), kind, training)) < 6e-7


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("kind", [RowNorm, MapNorm])
def test_error_where_processes_share_their_statistics(kind, processes, monkeypatch):
    if processes == 2:  # the other one has the same batch
        alike = SimpleNamespace(
            is_available=lambda: True,
            is_initialized=lambda: True,
            get_world_size=lambda: 2,
            all_reduce=lambda x: x.mul_(2),
        )
        monkeypatch.setattr(_sync_norm, "dist", alike)
    holder = nn.Sequential(kind(CHANNELS))
    synchronize(holder)
    assert isinstance(holder[0], SyncNorm)
    assert max(errors(holder[0], kind)) < 6e-7


@pytest.mark.skipif(
    torch.__version__.split("+")[0] != "2.13.0", reason="torch may sum otherwise some day"
)
def test_torch_itself_is_less_exact():
    assert max(errors(nn.BatchNorm1d(CHANNELS), nn.BatchNorm1d)) > 2e-6


def test_pass_of_the_whole_encoder():
    torch.manual_seed(0)
    encoder = STGCN(NTU25, dim=8, width=4, frames=50, persons=1, dropout=0.0)
    x = draw(16, 3, 50, 25, 1).cumsum(dim=2)
    exact = copy.deepcopy(encoder).double().maps(x.double()).detach()
    error = (encoder.maps(x) - exact).detach()
    assert float(error.norm() / exact.norm()) < 4e-6


def test_the_same_function_wherever_rows_are_many():
    encoder, decoder = GRU(NTU25, dim=8), Decoder(16, 8, 150)
    assert isinstance(encoder.norm, RowNorm) and isinstance(decoder.neck[1], RowNorm)
    projector = [part for part in Projector(4, 8, 8) if isinstance(part, nn.BatchNorm1d)]
    assert all(isinstance(part, RowNorm) for part in projector)
    norms = [m for m in STGCN(NTU25).modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert len(norms) == 24 and all(isinstance(norm, RowNorm | MapNorm) for norm in norms)


@pytest.mark.parametrize("momentum", [0.1, 0.3, None])
def test_running_statistics_and_names_are_torchs(momentum):
    ours, torchs = RowNorm(CHANNELS, momentum=momentum), nn.BatchNorm1d(CHANNELS, momentum=momentum)
    assert list(ours.state_dict()) == list(torchs.state_dict())
    for x in draw(3, 1024, CHANNELS):
        torch.testing.assert_close(ours(x), torchs(x))
    ours.eval(), torchs.eval()
    torch.testing.assert_close(ours(x), torchs(x))
    torch.testing.assert_close(ours.state_dict(), torchs.state_dict())
    assert int(ours.num_batches_tracked) == 3


def test_where_torchs_own_is_taken(monkeypatch):
    norm, x = RowNorm(CHANNELS), draw(1024, CHANNELS)
    with torch.autocast("cpu", torch.bfloat16):
        assert not _norms.in_blocks(x)
        assert norm(x.bfloat16()).dtype == torch.bfloat16
    assert not _norms.in_blocks(x.to("meta")) and not _norms.in_blocks(x.double())
    assert not _norms.in_blocks(x[: _norms.FEW - 1]) and _norms.in_blocks(x)
    monkeypatch.setattr(private, "batch_sums", lambda: None)
    assert not _norms.in_blocks(x)
    torch.testing.assert_close(norm(x), nn.BatchNorm1d(CHANNELS)(x))


def test_blocks_divide_the_rows():
    for rows in (256, 257, 1250 * 64, 325 * 59, 61 * 127, 7919):
        for channels in (1, 16, 256, 5000):
            count = blocks(rows, channels)
            assert rows % count == 0 and count >= 1
            assert count == 1 or (
                count * channels <= _norms.WIDEST and rows // count >= _norms.SUMMED
            )
    assert blocks(1250 * 64, 16) >= 100


@pytest.mark.parametrize("dropout", [0.0, 0.5, 0.3])
def test_a_block_in_place_is_the_block(dropout, monkeypatch):
    torch.manual_seed(0)
    encoder = STGCN(NTU25, dim=8, width=4, frames=16, persons=1, dropout=dropout)
    x = draw(4, 3, 16, 25, 1)
    told = []
    for few in (_norms.FEW, 10**9):
        monkeypatch.setattr(_norms, "FEW", few)
        module = copy.deepcopy(encoder)
        torch.manual_seed(1)
        y = module(x)
        y.square().sum().backward()
        gradients = [p.grad.flatten() for p in module.parameters()]
        told.append((y.detach(), torch.cat(gradients), torch.get_rng_state()))
    for ours, plain in zip(*told, strict=True):
        torch.testing.assert_close(ours, plain, rtol=0, atol=1e-3 * float(plain.abs().max()))
