"""What `skelf data get` says to call afterwards works on archives made as the sets' are."""

from __future__ import annotations

import pickle
import shlex
import zipfile
from pathlib import Path

import numpy as np
import pytest
from test_bvh import GOOD
from typer.testing import CliRunner

from skelf.cli.main import app
from skelf.data.clips import ClipSet
from skelf.data.download.sets import find, listed
from skelf.data.synthetic.clips import generate
from skelf.layouts import COCO17

CMU = "09a07f54f3bbb58797325f009282d0b2048a2871"


def aist(at: int) -> bytes:
    """Centimetres; where a joint was not seen only the fitted ones have numbers."""
    joints = generate(COCO17, clips=3, fps=60.0).clip(at)[:, 0].astype(np.float64) * 100
    raw = joints.copy()
    raw[3:5, 4] = np.nan
    return pickle.dumps({"keypoints3d": raw, "keypoints3d_optim": joints})


ARCHIVES: dict[str, tuple[str, dict[str, str | bytes]]] = {
    "cmu": (
        f"{CMU}.zip",
        {f"cmu-mocap-{CMU}/data/{at}.bvh": GOOD for at in ("001/01_01", "001/01_02", "002/02_01")},
    ),
    "100style": (
        "100STYLE.zip",
        {f"100STYLE/{at}.bvh": GOOD for at in ("Angry/Angry_BR", "Old/Old_FW", "Old/Old_ID")}
        | {"100STYLE/Frame_Cuts.csv": "STYLE_NAME\n"},
    ),
    "aist": (
        "keypoints3d.zip",
        {
            "keypoints3d/gBR_sBM_cAll_d04_mBR0_ch01.pkl": aist(0),
            "keypoints3d/gBR_sFM_cAll_d05_mBR1_ch02.pkl": aist(1),
            "keypoints3d/gPO_sBM_cAll_d04_mPO0_ch01.pkl": aist(2),
        },
    ),
}
SAID = {  # class names, labels, subjects
    "cmu": ((), [-1, -1, -1], [1, 1, 2]),
    "100style": (("Angry", "Old"), [0, 1, 1], [-1, -1, -1]),
    "aist": (("BR", "PO"), [0, 0, 1], [4, 5, 4]),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ARCHIVES)
def test_the_command_that_is_shown_makes_a_store(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    archive, content = ARCHIVES[name]
    assert archive in find(name).paths
    with zipfile.ZipFile(tmp_path / archive, "w") as file:
        for place, text in content.items():
            file.writestr(place, text)
    unpack, read = find(name).command.replace("{folder}", str(tmp_path)).split(" && ")
    python, flag, module, *words = shlex.split(unpack)
    assert (python, flag, module) == ("python", "-m", "zipfile")
    zipfile.main(words)
    skelf, *words = shlex.split(read)
    done = CliRunner().invoke(app, words)
    assert skelf == "skelf" and done.exit_code == 0, done.output
    clips = ClipSet.open(tmp_path / f"{name}.h5")
    assert (clips.class_names, clips.label.tolist(), clips.subject.tolist()) == SAID[name]
    assert set(clips.fps.tolist()) == {30.0}
    assert np.isfinite(clips.joints[:]).all()


def test_all_are_public_and_say_their_licence() -> None:
    for name, entry in listed().items():
        assert entry.base.startswith("https://") and entry.source.startswith("https://"), name
        assert entry.licence and "{folder}" in entry.command, name
        assert {*entry.sha256, *entry.bytes} <= set(entry.paths), name
