"""torch's private parts: each may be gone, fail or give other numbers, and results stay."""

import ast
import copy
import re
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from skelf.encoders import ENCODERS, _products
from skelf.encoders._norms import RowNorm
from skelf.layouts import KINECT20
from skelf.machine import private
from skelf.methods._momentum import follow
from skelf.protocols._training import set_mode
from skelf.training import loop

SOURCE = Path(private.__file__)
NAMES = re.findall(r'_torch\("([^"]+)"\)', SOURCE.read_text("utf-8"))
CACHED = [value for value in vars(private).values() if hasattr(value, "cache_clear")]


def wrong(name, real):
    """What stands for the operator and gives other numbers than it."""
    if name.endswith("_linear_pointwise"):
        return lambda *given: real(*given) * 1.001
    if name.endswith("_reorder_linear_weight"):
        return lambda weight, rows: real(weight * 1.001, rows)
    if name.endswith("grad_input"):
        return lambda *given, grad_input: real(*given, grad_input=grad_input).mul_(1.001)
    if name == "batch_norm_update_stats":
        return lambda *given: tuple(1.001 * each for each in real(*given))
    if name.endswith("native_batch_norm_backward"):
        return lambda *given: (None, *(1.001 * each for each in real(*given)[1:]))
    if name == "_foreach_lerp_":
        return lambda tensors, ends, weight: real(tensors, ends, 1.01 * weight)
    if name.endswith("_BatchNorm"):
        return torch.nn.Conv1d
    return lambda *given: "perhaps"


def failing(name, real):
    def fail(*given, **options):
        raise RuntimeError(f"{name} has other arguments now")

    return fail


@contextmanager
def spoiling():
    """spoil(how, names): torch's parts of these names are absent (None), or what `how` makes."""
    real, monkeypatch = private._torch, pytest.MonkeyPatch()

    def without(how, names):
        def look_up(path):
            if path not in names:
                return real(path)
            if how is None:
                raise AttributeError(f"torch has no {path}")
            return how(path, real(path))

        monkeypatch.setattr(private, "_torch", look_up)
        for function in CACHED:
            function.cache_clear()

    # The fast way at any size, also on a processor where it would not pay.
    monkeypatch.setattr(_products, "_AVX512", True)
    monkeypatch.setattr(_products, "SMALL", 1)
    try:
        yield without
    finally:
        monkeypatch.undo()
        for function in CACHED:
            function.cache_clear()


@pytest.fixture
def spoil():
    with spoiling() as without:
        yield without


def results():
    """Features and gradients of every encoder, a step of a follower, and what auto precision is."""
    told = {}
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(3, 3, 8, KINECT20.joints, 1, generator=draw)
    for name, encoder in ENCODERS.items():
        torch.manual_seed(0)
        module = encoder(KINECT20, dim=16, frames=8, persons=1).eval()
        y = module(x)
        told[name] = y.detach()
        y.square().sum().backward()
        told |= {f"{name}.{key}": p.grad for key, p in module.named_parameters()}
        follower = copy.deepcopy(module)
        torch.nn.init.ones_(next(follower.parameters()))
        follow(follower, module, 0.9)
        told[f"{name} follows"] = next(follower.parameters()).detach()
    norm = RowNorm(6)
    y = norm(torch.randn(1024, 6, generator=draw))
    y.pow(3).sum().backward()
    told |= {"norm": y.detach(), "norm.weight": norm.weight.grad, "norm.bias": norm.bias.grad}
    told |= {f"norm.{name}": value for name, value in norm.named_buffers()}
    module = ENCODERS["gru"](KINECT20, dim=16, frames=8, persons=1).train()  # has a BatchNorm
    set_mode(module, "frozen")
    told["frozen"] = torch.tensor([module.norm.training, module.training])
    precision = {"32-true": 0.0, "bf16-mixed": 1.0}[loop._precision("auto", "cpu")]
    told["precision"] = torch.tensor(precision)
    return told


def assert_close(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert (value is None) == (theirs[name] is None), name
        if value is not None:
            torch.testing.assert_close(value, theirs[name], rtol=2e-4, atol=2e-5, msg=name)


@pytest.fixture(scope="module")
def public():
    """The results of the public ways alone."""
    with spoiling() as spoil:
        spoil(None, NAMES)
        with pytest.warns(UserWarning, match="a public way is used instead") as noted:
            told = results()
        lines = [str(note.message).partition(": ")[2] for note in noted]
        assert len(lines) == len(set(lines))  # each part says it once
        assert private.onednn(torch.float32) is None
    return told


def test_the_fast_ways_are_taken_where_torch_has_them(spoil, public):
    spoil(None, [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_close(results(), public)
        assert private.activation_gradients() is not private._plain_gradients
        assert private.lerp_all("cpu") is torch._foreach_lerp_
        assert private.batch_norms() == (torch.nn.modules.batchnorm._BatchNorm,)
        supported = torch.ops.mkldnn._is_mkldnn_bf16_supported()
        assert private.bf16_on_cpu() is supported
        fast = private.onednn(torch.float32)
        assert fast is not None or not torch.backends.mkldnn.is_available()
        assert (private.onednn(torch.bfloat16) is not None) == (supported and fast is not None)
    assert private.onednn(torch.float64) is None


@pytest.mark.parametrize("how", [None, failing, wrong], ids=["absent", "failing", "wrong"])
@pytest.mark.parametrize("name", NAMES)
def test_without_one_the_results_are_the_public_ones(name, how, spoil, public):
    if how is failing and name.endswith("_BatchNorm"):
        how = None  # a class is not called
    spoil(how, [name])
    with pytest.warns(UserWarning, match="a public way is used instead") as noted:
        told = results()
    assert len(noted) == 1
    assert_close(told, public)
    if "mkldnn._linear" in name or "_reorder" in name:
        assert private.onednn(torch.float32) is None


def test_bfloat16_that_is_denied_where_avx512_is(spoil, monkeypatch):
    spoil(lambda name, real: lambda: False, ["ops.mkldnn._is_mkldnn_bf16_supported"])
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    with pytest.warns(UserWarning, match="it says False"):
        assert private.bf16_on_cpu()


def test_a_probe_draws_nothing(spoil):
    spoil(None, [])
    before = torch.get_rng_state()
    private.onednn(torch.float32), private.activation_gradients(), private.lerp_all("cpu")
    assert torch.equal(torch.get_rng_state(), before)


def chain(node):
    """`torch.a.b` as ["torch", "a", "b"]."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [*([node.id] if isinstance(node, ast.Name) else []), *parts[::-1]]


def private_uses(source):
    """Lines that reach for a private part of torch, by attribute or by import."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            parts = chain(node)
            if parts[0] in ("torch", "nn", "dist") and parts[-1][0] == "_" != parts[-1][:2][-1]:
                yield node.lineno
            if parts[:2] == ["torch", "ops"] and len(parts) == 4 and parts[2:] != PERMITTED:
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "torch":
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            if any(name.startswith("_") for name in names):
                yield node.lineno


PERMITTED = ["aten", "convolution_backward"]  # a key, by which torch's counter is told of it


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("import torch\ntorch._C._get_tracing_state()", 2),
        ("from torch.nn.modules.batchnorm import _BatchNorm", 1),
        ("from torch._C import x", 1),
        ("nn.modules.batchnorm._BatchNorm", 1),
        ("torch.ops.mkldnn.linear(x)", 1),
        ("torch.ops.aten.convolution_backward\ntorch.nn.Linear.__init__\ntorch.exp(x._y)", 0),
    ],
)
def test_the_search_for_private_parts(source, count):
    assert len(list(private_uses(source))) == count


def test_nothing_else_uses_what_is_private():
    package = SOURCE.parent
    lines = [
        f"{path.relative_to(package)}:{line}"
        for path in package.rglob("*.py")
        if path != SOURCE
        for line in private_uses(path.read_text("utf-8"))
    ]
    assert not lines, lines
