"""What methods cost: known sizes, hand counts, the command line; and PCM3's benchmark."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch
from method_cases import own, usual
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from skelf.cli import main as cli
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.layouts import LAYOUTS
from skelf.methods import METHODS
from skelf.profiling import step as profile_step
from skelf.profiling.count import _FORMULAS, counting, profile

sys.path.insert(0, str(Path(__file__).parent.parent))

SMALL = ("encoder.dim=8", "encoder.frames=8", "train.batch_size=4")
QUEUE = ("method.queue=16",)


def flops(step):
    """FLOPs of a step that returns a tensor, forward and of both, counted as profiles are."""
    with counting(), FlopCounterMode(display=False, custom_mapping=_FORMULAS) as counter:
        made = step()
        forward = counter.get_total_flops()
        if made.requires_grad:
            made.sum().backward()
    return forward, counter.get_total_flops()


# --- known numbers


@pytest.mark.parametrize(
    "method, parameters, trained, encoder",
    [
        ("usdrl", 94_931_160, 94_931_160, 57_137_368),
        ("aimclr", 1_840_136, 920_068, 821_380),
        ("pcm3", 103_457_862, 54_000_282, 44_998_956),
    ],
)
def test_parameters_at_the_papers_size(method, parameters, trained, encoder):
    found = profile(method, time=False, overrides=["train.batch_size=2"])
    assert (found.parameters, found.trained) == (parameters, trained)
    assert found.encoder_parameters == encoder
    assert found.timing is None and found.failure is None and found.batch_size == 2


@pytest.mark.parametrize("settings, giga", [((), 15.0), (("method.clip=true",), 17.9)])
def test_the_surveys_flops_are_multiply_adds_of_all_forward_passes(settings, giga):
    found = profile("pcm3", time=False, overrides=settings)
    assert found.forward_macs == pytest.approx(giga * 1e9, rel=0.003)
    assert found.batch_size == 128 and found.frames == 64


def test_a_pcm3_step_is_what_was_measured_of_the_release():
    # 2.50 TFLOP at batch 32 (torch's counter on the released structure).
    found = profile("pcm3", time=False, overrides=["train.batch_size=32"])
    assert 32 * found.step_flops == pytest.approx(2.50e12, rel=0.005)


# --- by hand


def test_gru_by_hand():
    T, N, F, H = 5, 3, 6, 4
    with torch.device("meta"):
        gru, x = nn.GRU(F, H), torch.randn(T, N, F)
    rows = 2 * N * 3 * H  # FLOPs a frame and number that enters
    forward, both = flops(lambda: gru(x)[0])
    assert forward == rows * T * (F + H)
    # Backward: weights of input and state; the state's gradient but for the first frame.
    assert both == forward + rows * T * (F + H) + rows * (T - 1) * H
    x.requires_grad_()
    assert flops(lambda: gru(x)[0])[1] == both + rows * T * F


@pytest.mark.parametrize(
    "options",
    [{}, {"bias": False}, {"num_layers": 2, "bidirectional": True}, {"batch_first": True}],
)
def test_whole_sequences_count_as_torchs_own_steps(options):
    """What stands in for the kernel costs what the kernel does, and has its shapes."""
    gru = nn.GRU(6, 4, **options)
    x = torch.randn(5, 3, 6, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        states, last = gru(x)
        forward = counter.get_total_flops()
        states.sum().backward()
    found = {}

    def step():
        found["states"], found["last"] = gru.to("meta")(x.detach().to("meta").requires_grad_())
        return found["states"]

    assert flops(step) == (forward, counter.get_total_flops())
    assert found["states"].shape == states.shape and found["last"].shape == last.shape
    assert found["last"].is_meta


@pytest.mark.parametrize("groups", [1, 8])
def test_convolution_by_hand(groups):
    """Grouped ones too, where torch's formula counts the weight's gradient `groups` times."""
    with torch.device("meta"):
        conv = nn.Conv1d(8, 16, 3, padding=1, groups=groups)
        x = torch.randn(2, 8, 10, requires_grad=True)
    forward, both = flops(lambda: conv(x))
    assert forward == 2 * 2 * 10 * 16 * (8 // groups) * 3
    assert both == 3 * forward


def test_attention_by_hand():
    with torch.device("meta"):
        q, k, v = (torch.randn(2, 1, 7, 5, requires_grad=True) for _ in range(3))
    forward, both = flops(lambda: nn.functional.scaled_dot_product_attention(q, k, v))
    assert forward == 2 * 2 * (7 * 7 * 5) * 2
    assert both == 3 * forward


def test_sttr_by_hand():
    """An encoder from its equations: embeddings, projections, attention, FFN of both streams."""
    T, V, M, H, layers = 8, 15, 2, 12, 2
    tokens, expected = {"t": T, "s": M * V}, 0
    for length, inputs in ((tokens["t"], M * V * 3), (tokens["s"], T * 3)):
        expected += 2 * length * (inputs * H + H * H)
        expected += layers * 2 * (length * 6 * H * H + 2 * length * length * H)
    found = profile(
        "usdrl", layout="sbu15", time=False,
        overrides=["encoder.name=sttr", "encoder.dim=12", "encoder.frames=8", "encoder.layers=2",
                   "train.batch_size=4"],
    )  # fmt: skip
    assert found.encoder_flops == expected


def test_the_transformed_convolution_counts_as_the_plain_one():
    """On a CPU wide convolutions over few frames take fewer products; the count does not."""
    from skelf.encoders._images import TemporalConv

    conv, x = TemporalConv(64, 9, 1), torch.randn(4, 64, 13, 5)
    assert conv._worth_transforming(x)
    with FlopCounterMode(display=False) as counter:
        conv(x)
    plain = 2 * 4 * 64 * 64 * 9 * 13 * 5
    assert counter.get_total_flops() < plain
    assert flops(lambda: conv.to("meta")(x.to("meta")))[0] == plain


def test_autocast_comes_back():
    before = torch.autocast
    with pytest.raises(ZeroDivisionError), counting():
        with torch.autocast("meta", enabled=False), torch.autocast("cpu", torch.bfloat16):
            assert torch.is_autocast_enabled("cpu")
        raise ZeroDivisionError
    assert torch.autocast is before


# --- every method, every encoder that it accepts, layouts


USUAL = [("usdrl", "dste"), ("usdrl", "sttr"), ("usdrl", "byname"), ("pcm3", "gru")]
USUAL += [("partwhole", "tcn")]
USUAL += [("aimclr", "stgcn"), *(("skeletonclr", name) for name in ENCODERS)]
SLOW = [("aimclr", name) for name in ("dste", "sttr", "byname", "gru")]
SLOW += [
    (name, other)
    for name in ("crossclr", "aimclr_cross")
    for other in ENCODERS
    if other != "fused"  # which derives all streams itself
]
USUAL += [(name, usual(name)) for name in METHODS if name not in dict([*USUAL, *SLOW])]


@pytest.mark.parametrize(
    "method, encoder", [*USUAL, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in SLOW)]
)
def test_every_pair_is_counted(method, encoder):
    settings = [*SMALL, f"encoder.name={encoder}"]
    settings += own(method)
    fewer = {"stgcn": ["encoder.width=4"], "hcn": []}  # what has no layers to be set
    settings += fewer.get(encoder, ["encoder.layers=1"])
    if method.startswith("aimclr") and encoder != "stgcn":
        settings.append("method.eadm=false")
    found = profile(method, layout="kinect20", persons=1, time=False, overrides=settings)
    assert (found.encoder, found.persons, found.layout) == (encoder, 1, "kinect20")
    assert 0 < found.encoder_flops < 2 * found.forward_macs < found.step_flops
    assert 0 < found.encoder_parameters <= found.trained <= found.parameters


def test_every_method_and_encoder_is_among_the_pairs():
    methods, encoders = zip(*USUAL, *SLOW, strict=True)
    assert set(methods) == set(METHODS) and set(encoders) == set(ENCODERS)


@pytest.mark.parametrize("layout", ["coco17", "sbu15"])
def test_every_layout(layout):
    found = profile("pcm3", layout=layout, stream="bone", time=False, overrides=[*SMALL, *QUEUE])
    assert found.layout == layout and found.stream == "bone"
    assert found.encoder_flops == 8 * 2 * 24 * 2 * (
        LAYOUTS[layout].joints * 6 + 8 + 2 * (16 + 8)
    )  # two directions, three layers


# --- measured


@pytest.mark.slow
def test_a_step_is_measured():
    seen = []
    found = profile(
        "skeletonclr", layout="sbu15", batch=3, steps=2, device="cpu",
        overrides=[*SMALL, *QUEUE, "encoder.width=4", "train.precision=fp32"],
        listener=lambda *event: seen.append(event),
    )  # fmt: skip
    timing = found.timing
    assert found.failure is None and timing is not None
    assert (timing.batch, timing.steps, timing.kind) == (3, 2, "cpu")
    assert timing.precision == "32-true" and timing.threads >= 1 and timing.device
    assert timing.clips_per_second == pytest.approx(3 / timing.seconds) and timing.seconds > 0
    assert timing.memory is None or timing.memory > 0
    assert seen[:2] == [("counting", 0, 1), ("counting", 1, 1)]
    assert seen[2:] == [*(("measuring", n, 3) for n in range(4)), ("measuring", 3, 3)]
    assert json.loads(json.dumps(found.to_dict()))["timing"]["batch"] == 3


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_that_of_the_step():
    """In a process of its own: another test's freed memory would be used again, unseen."""
    code = """
import torch
from skelf.profiling import step as profile_step
cpu = torch.device("cpu")
held = profile_step.reset_peak(cpu)
block = torch.ones(16 * 2**20)  # 64 MiB
del block
print(profile_step.peak_memory(cpu) - held)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 60 * 2**20 < int(done.stdout) < 200 * 2**20


def test_a_step_that_fails_leaves_the_count(monkeypatch):
    monkeypatch.setattr(profile_step.sys, "executable", "/bin/false")
    found = profile("skeletonclr", layout="sbu15", overrides=[*SMALL, *QUEUE])
    assert found.timing is None and found.step_flops > 0
    assert found.failure.startswith("skeletonclr: the step at batch 4 was not measured")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"method": "pcm4"}, "did you mean 'pcm3'"),
        ({"layout": "ntu26"}, "did you mean 'ntu25'"),
        ({"stream": "bones"}, "did you mean 'bone'"),
        ({"overrides": ["encoder.dmi=3"]}, "encoder.dim"),
        ({"overrides": ["encoder.name=stgcn"]}, "recurrent"),
        ({"persons": 0}, "persons: 0"),
        ({"channels": 0}, "channels: 0"),
        ({"steps": 0}, "steps: 0"),
        ({"batch": 1}, "batch: 1"),
        ({"device": "tpu"}, "unknown device"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        profile(**{"method": "pcm3", "time": False} | arguments)


# --- command line


def call(*words):
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["skelf", "profile", *words]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            cli.main()
        code = 0
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    finally:
        sys.argv = before
    return code, out.getvalue(), err.getvalue()


def test_json_is_all_that_standard_output_has():
    code, out, err = call("skeletonclr", "aimclr", "--no-time", "--json", *SMALL, *QUEUE)
    assert code == 0, err
    first, second = json.loads(out)
    assert (first["method"], second["method"]) == ("skeletonclr", "aimclr")
    assert first["step_flops"] < second["step_flops"] and first["timing"] is None
    assert "aimclr: counting" in err


def test_table(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = call("pcm3", "--no-time", "--layout", "kinect20", *SMALL, *QUEUE)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[2].split()[:2] == ["pcm3", "gru"] and lines[2].split()[-2:] == ["-", "-"]
    assert "2 FLOPs" in " ".join(out.split()) and "kinect20" in out
    assert max(map(len, lines)) <= 80


def test_all_methods(monkeypatch):
    seen = []
    counted = {
        "frames": 1, "parameters": 1, "trained": 1, "encoder_parameters": 1, "encoder_flops": 1,
        "forward_macs": 1.0, "step_flops": 1.0, "batch_size": 1,
    }  # fmt: skip
    monkeypatch.setattr(
        "skelf.profiling.count.count", lambda settings, given: seen.append(settings) or counted
    )
    code, out, _ = call("all", "--no-time")
    assert code == 0 and [one.method for one in seen] == list(METHODS)
    assert all(f"\n{name} " in out for name in METHODS)


@pytest.mark.parametrize(
    "words, message",
    [
        (["nothing"], "unknown method"),
        (["encoder.dim=8"], "no method is named"),
        (["pcm3", "encoder.dmi=8"], "encoder.dim"),
        (["pcm3", "--layout", "nothing"], "unknown layout"),
        (["pcm3", "--batch", "1"], "batch: 1"),
        (["pcm3", "--persons", "0"], "persons"),
        ([], ""),
    ],
)
def test_wrong_input_ends_with_2(words, message):
    code, out, err = call(*words)
    assert code == 2 and message in " ".join((out + err).split())


def test_a_step_that_cannot_be_measured_ends_with_1(monkeypatch):
    monkeypatch.setattr(profile_step.sys, "executable", "/bin/false")
    code, out, err = call("skeletonclr", *SMALL, *QUEUE)
    assert code == 1 and "skeletonclr" in out and "not measured" in " ".join(err.split())


# --- the benchmark of PCM3


def test_both_paths_of_the_benchmark_compute_the_same():
    from benchmarks import pcm3_step
    from benchmarks.reference_pcm3 import rows
    from skelf.augment.pcm3_views import Views
    from skelf.methods import OFFICIAL

    method, plain = (model.double() for model in pcm3_step.pair("tiny"))
    drawn = method.views(*pcm3_step.clips("tiny"), torch.Generator().manual_seed(0))
    views = Views(*(v.double() if v is not None and v.is_floating_point() else v for v in drawn))
    torch.testing.assert_close(
        method.encoder(views.query), plain.encoder_q.states(rows(views.query))[:, -1]
    )
    # The statistics of that pass, off again.
    plain.load_state_dict(OFFICIAL["pcm3"].save(method))
    ours, theirs = method(*views)["loss"], plain.loss(views)
    torch.testing.assert_close(ours, theirs)
    ours.backward()
    theirs.backward()
    method.after_step()
    plain.after_step()
    state = OFFICIAL["pcm3"].save(method)
    for key, value in plain.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            torch.testing.assert_close(state[key], value, msg=lambda text, k=key: f"{k} {text}")
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.copy_(0 if parameter.grad is None else parameter.grad)
    gradients, moved = OFFICIAL["pcm3"].save(method), 0
    for key, parameter in plain.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(gradients[key], parameter.grad, rtol=1e-6, atol=1e-9)
            moved += bool(parameter.grad.abs().max() > 1e-4)
    assert moved > 30


@pytest.mark.slow
@pytest.mark.parametrize("bf16", [False, True])
def test_the_benchmark_runs(bf16, tmp_path):
    from benchmarks import pcm3_step
    from benchmarks.timing import Effort

    page = pcm3_step.run(Effort(("tiny",), 1, (1,)), bf16, tmp_path, peak_size=64)
    found = json.loads((tmp_path / "pcm3.json").read_text())
    assert (tmp_path / "pcm3.md").read_text() == page
    assert [row["benchmark"] for row in found["rows"]] == ["pcm3", "pcm3_encoder"]
    for row in found["rows"]:
        assert row["ratio"] > 0 and row["precision"] == ("bf16" if bf16 else "fp32")
        assert row["flops plain"] == row["flops skelf"] > 0 < row["skelf share of peak"]
        assert ("plain share of peak" in row) is not bf16  # the plain path is in float32 always
        assert f"| {row['benchmark']} | tiny |" in page
    assert found["machine"][0]["fp32"] > 0


def test_flops_of_the_benchmark_are_those_of_the_profile():
    from benchmarks import pcm3_step

    s = pcm3_step.SIZES["tiny"]
    found = profile(
        "pcm3", layout=s["layout"], time=False,
        overrides=[f"encoder.{k}={s[k]}" for k in ("dim", "layers", "frames")]
        + [f"train.batch_size={s['batch']}", f"method.queue={s['queue']}"],
    )  # fmt: skip
    assert pcm3_step.flops("pcm3", "tiny") == found.step_flops * s["batch"]
