"""skelf-runtime: exported files without torch, from source and from its wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

RUNTIME = Path(__file__).parents[1] / "runtime"
sys.path.insert(0, str(RUNTIME))

from skelf_runtime import Model, Stepper  # noqa: E402
from skelf_runtime.windows import laid  # noqa: E402

ABOUT: dict[str, Any] = {
    "format": 1, "version": "0.1.0", "kind": "classifier", "rows": "clip",
    "class_names": ["low", "high"], "joints": ["hip", "head"], "parents": [-1, 0], "channels": 2,
    "confidence": False, "persons": 2, "stream": "joint", "fps": [30.0, 30.0], "unit": "metre",
    "up": "y", "unknown_below": 0.6,
}  # fmt: skip


def written(path: Path, **about: Any) -> Path:
    """A file whose one feature is the hip's first coordinate of person 0, of the frames' mean or
    row by row; its logits are minus and plus that."""
    said = {**ABOUT, **about}
    of_frames = said["rows"] == "frame"
    joints = helper.make_tensor_value_info("joints", 1, ["batch", "frames", 2, 2, 2])
    lengths = helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"])
    lead = ["batch", "frames"] if of_frames else ["batch"]
    outputs = [
        helper.make_tensor_value_info(name, 1, [*lead, size])
        for name, size in (("probabilities", 2), ("features", 1))
    ]
    constants = {"zeros": [0, 0, 0], "ones": [1, 1, 1], "axes": [2, 3, 4], "shape": [0, 0, 1],
                 "time": [1]}  # fmt: skip
    nodes = [
        helper.make_node("Slice", ["joints", "zeros", "ones", "axes"], ["cut"]),
        helper.make_node("Reshape", ["cut", "shape"], ["rows"]),
        helper.make_node("Identity", ["rows"], ["features"])
        if of_frames
        else helper.make_node("ReduceMean", ["rows", "time"], ["features"], keepdims=0),
        helper.make_node("MatMul", ["features", "weight"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    held = [helper.make_tensor(k, TensorProto.INT64, [len(v)], v) for k, v in constants.items()]
    held.append(helper.make_tensor("weight", 1, [1, 2], [-1.0, 1.0]))
    graph = helper.make_graph(nodes, "fake", [joints, lengths], outputs, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {f"skelf.{k}": json.dumps(v) for k, v in said.items()})
    onnx.save(model, path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return Model(written(tmp_path / "model.onnx"), threads=1)


def clip(value: float, frames: int = 3) -> np.ndarray:
    joints = np.zeros((frames, 2, 2))  # (T, V, C)
    joints[:, 0, 0] = value
    return joints


def test_one_clip_and_many(model: Model) -> None:
    answer = model.predict(clip(2.0))
    assert answer.label == "high" and not answer.unknown
    assert answer.probability == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-6)
    assert answer.probabilities["low"] == pytest.approx(1 - answer.probability, abs=1e-6)
    assert model.predict(clip(0.1)).unknown  # below 0.6
    values = np.linspace(-2, 2, 70)  # more than a batch
    labels = [a.label for a in model.predict_all(clip(v) for v in values)]
    assert labels == ["low"] * 35 + ["high"] * 35
    assert model.features(clip(0.5)).tolist() == [0.5]


def test_joints_in_another_order_and_other_persons(model: Model) -> None:
    joints = np.zeros((3, 3, 4, 2))  # (T, M, V, C): three persons, four joints
    joints[:, 0, 2, 0], joints[:, 1, 2, 0] = 0.75, 9.0
    names = ["Head", "tail", "HIP", "hand"]
    assert model.features(joints, names).tolist() == [0.75]
    assert model.features(clip(0.25)[:, None]).tolist() == [0.25]
    for wrong, said in (
        (["Head", "tail", "hand"], "no joint 'hip'"),
        (["hip", "Hip", "head"], "joint 'hip' stands there twice"),
    ):
        with pytest.raises(ValueError, match=said):
            model.features(joints[:, :, :3], wrong)


@pytest.mark.parametrize("shape", [(3, 2), (3, 2, 3), (3, 5, 2), (3, 1, 1, 2, 2)])
def test_wrong_shapes(model: Model, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the model takes \(T, V, C\).*V = 2 and C = 2"):
        model.predict(np.zeros(shape))


def test_what_is_no_model(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no frames"):
        model.predict(np.zeros((0, 2, 2)))
    with pytest.raises(ValueError, match="not a detector; use predict"):
        model.frames(clip(1.0), fps=30)
    with pytest.raises(FileNotFoundError):
        Model(tmp_path / "none.onnx")
    (tmp_path / "rubbish.onnx").write_bytes(b"rubbish")
    with pytest.raises(ValueError, match="no model for onnxruntime"):
        Model(tmp_path / "rubbish.onnx")
    plain = onnx.load(tmp_path / "model.onnx")
    del plain.metadata_props[:]
    onnx.save(plain, tmp_path / "plain.onnx")
    with pytest.raises(ValueError, match="not a model that skelf exported"):
        Model(tmp_path / "plain.onnx")
    with pytest.raises(ValueError, match="exported by a later skelf"):
        Model(written(tmp_path / "later.onnx", format=2))
    with pytest.raises(ValueError, match="metadata is damaged"):
        Model(written(tmp_path / "damaged.onnx", fps=[]))
    with pytest.raises(ValueError, match="takes single frames"):
        Model(written(tmp_path / "step.onnx", rows="step"))
    with pytest.raises(ValueError, match="takes whole clips"):
        Stepper(tmp_path / "model.onnx")


@pytest.mark.parametrize("way", ["overlap", "disjoint"])
def test_windows_are_those_of_detection(way: str) -> None:
    from skelf.protocols.windows import lay

    for frames in (1, 7, 64, 65, 100, 129):
        for fps, stride in ((30.0, None), (25.0, 0.2)):
            window = round(2.13 * fps)
            between = max(1, window // 2) if stride is None else round(stride * fps)
            ours = list(
                laid(frames, fps, {"way": way, "window": 2.13, "stride": stride, "unit": "seconds"})
            )
            theirs = lay(np.array([frames]), way, window, between)
            assert [w.start for w in ours] == theirs.start.tolist()
            assert [w.end for w in ours] == (theirs.start + theirs.length).tolist()
            assert [w.asked for w in ours] == theirs.begin.tolist()
    with pytest.raises(ValueError, match="above 0"):
        list(laid(5, 0.0, {}))


def test_frames_of_a_recording_are_means_over_windows(tmp_path: Path) -> None:
    windows = {"way": "overlap", "window": 4, "stride": 2, "unit": "frames"}
    about = {"kind": "detector", "rows": "frame", "class_names": ["high"], "windows": windows}
    model = Model(written(tmp_path / "detector.onnx", **about))
    recording = np.concatenate([clip(v, 1) for v in np.linspace(-1, 1, 11)])
    found = model.frames(recording, fps=30)
    expected = 1 / (1 + np.exp(-2 * np.linspace(-1, 1, 11)))
    np.testing.assert_allclose(found[:, 1], expected, rtol=1e-5)
    assert model.features(recording).shape == (11, 1)


BLOCKED = """
import sys
for name in ("torch", "skelf", "lightning", "onnx"):
    sys.modules[name] = None
sys.path.insert(0, sys.argv[1])
import numpy as np
from skelf_runtime import Model
model = Model(sys.argv[2], threads=1)
print(model.predict(np.ones((4, 2, 2))).label)
"""


def test_it_runs_without_torch(tmp_path: Path) -> None:
    path = written(tmp_path / "model.onnx")
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, str(RUNTIME), str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "high", done.stderr


INSTALLED = """
import importlib.util, json, sys
import numpy as np
from skelf_runtime import Model
assert not [n for n in ("torch", "skelf", "onnx") if importlib.util.find_spec(n)]
joints = np.load(sys.argv[2])
model = Model(sys.argv[1])
stepper = model.stepper()
steps = [stepper.step(frame) for frame in joints]
print(json.dumps([model.predict(joints).probabilities, steps[-1].label, len(steps)]))
"""


@pytest.mark.slow
def test_its_wheel_in_an_environment_without_torch(tmp_path: Path) -> None:
    from export_subjects import content, subject

    from skelf.export import check
    from skelf.export.check_steps import whole

    (tmp_path / "model.onnx").write_bytes(content("gru"))
    (tmp_path / "model.step.onnx").write_bytes(content("gru", step=True))
    of = subject("gru")
    clips = check.random_clips(of, [20])
    joints = check.feeds_of(clips, np.arange(1), 2)["joints"][0]
    np.save(tmp_path / "joints.npy", joints)
    python = tmp_path / "env" / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    for words in (
        [sys.executable, "-m", "venv", str(tmp_path / "env")],
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(RUNTIME)],
        [*pip, "install", *map(str, [tmp_path / "skelf_runtime-0.1.0-py3-none-any.whl"])],
    ):
        done = subprocess.run(words, capture_output=True, text=True, timeout=280, check=False)
        if done.returncode and "No matching distribution" in done.stderr:
            pytest.skip("no package index is reached from here")
        assert done.returncode == 0, done.stderr
    files = [str(tmp_path / name) for name in ("model.onnx", "joints.npy")]
    done = subprocess.run(
        [str(python), "-I", "-c", INSTALLED, *files],
        capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    probabilities, label, count = json.loads(done.stdout)
    expected = check.rows_of_clips(of, clips)["probabilities"][0].tolist()
    np.testing.assert_allclose(list(probabilities.values()), expected, atol=1e-4)
    last = whole(of, clips)["probabilities"][0, -1]
    assert label == of.class_names[int(last.argmax())] and count == 20
