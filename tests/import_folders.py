"""For each format whose files are read apart: a small folder in which rules that span files matter.

Each has three files or more, of different numbers, and something that only all files together say:
classes by folders, an option that one file settles for all, a recording that holds nobody.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pose_files
import test_amass
import test_amc
import test_azure
import test_bvh
import test_c3d
import test_deeplabcut
import test_freemocap
import test_humanml3d
import test_mmpose
import test_motive
import test_mvnx
import test_nexus
import test_qualisys
import test_sleap
import test_trc
import test_yolo
from ntu_tree import ntu_tree, pku_tree
from pose_files import body, edit, flat

CLASSES = ("sit", "walk", "wave")


def places(folder: Path, end: str) -> list[Path]:
    """Four files in folders of classes, the first class twice."""
    files = [folder / name for name in ("sit/b", "wave/c", "sit/a", "walk/d")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
    return [file.with_name(file.name + end) for file in files]


def ntu(folder: Path) -> None:
    ntu_tree(folder, 24, long=0)


def pkummd(folder: Path) -> None:
    pku_tree(folder, part=2)


def bvh(folder: Path) -> None:
    for at, file in enumerate(places(folder, ".bvh")):
        test_bvh.write(file.parent, test_bvh.HEAD + test_bvh.motion(test_bvh.ROWS + at), file.name)


def amc(folder: Path) -> None:
    for at, file in enumerate(places(folder, ".amc")):
        text = test_amc.motion(test_amc.ROWS + at)
        test_amc.write(file.parent, text, name=f"7_{file.name}")


def c3d(folder: Path) -> None:
    """Of the markers' tree the first file decides: in the others other ones are near."""
    rng = np.random.default_rng(1)
    for at, file in enumerate(places(folder, ".c3d")):
        points = test_c3d.POINTS + at * rng.integers(-300, 300, test_c3d.POINTS.shape)
        test_c3d.write(file.parent, test_c3d.simple().file(points), file.name)


def trc(folder: Path) -> None:
    for at, file in enumerate(places(folder, ".trc")):
        test_trc.write(file, test_trc.trc(test_trc.POINTS + 3 * at, rate=60 + at))


def mvnx(folder: Path) -> None:
    for file in places(folder, ".mvnx"):
        test_mvnx.write(file.parent, test_mvnx.document(test_mvnx.subject()), file.name)


def motive(folder: Path) -> None:
    for at, file in enumerate(places(folder, ".csv")):
        people = ("763",) if at else ("763", "764")  # of one file two persons
        test_motive.write(file.parent, test_motive.skeletons(*people), file.name)


def qualisys(folder: Path) -> None:
    for at, file in enumerate(places(folder, ".tsv")):
        test_qualisys.write(file.parent, test_qualisys.markers(test_qualisys.MM + at), file.name)


def nexus(folder: Path) -> None:
    for at, file in enumerate(places(folder, ".csv")):
        test_nexus.write(file.parent, test_nexus.trajectories(test_nexus.MM + at), file.name)


def amass(folder: Path) -> None:
    for at, file in enumerate(places(folder, ".npz")):
        test_amass.save(file, joints=test_amass.standing() + at, fps=np.array(30.0 + at))


def openpose(folder: Path) -> None:
    for at, file in enumerate(places(folder, "")):
        file.mkdir()
        for frame in range(pose_files.FRAMES + at):
            people = [{"person_id": [-1], "pose_keypoints_2d": flat(body(25, frame))}]
            people = [] if at == 1 else people  # nobody in the whole video
            content = json.dumps({"version": 1.3, "people": people})
            (file / f"{file.name}_{frame:012d}_keypoints.json").write_text(content)


def alphapose(folder: Path) -> None:
    pose_files.alphapose(folder)
    whole = json.loads((folder / "walk/video1/alphapose-results.json").read_text())
    for at, file in enumerate(places(folder, ".json")):
        file.write_text(json.dumps(whole[at:]))


def mmpose(folder: Path) -> None:
    for at, file in enumerate(places(folder, ".json")):
        frames = [[test_mmpose.instance(body(17, t))] for t in range(3 + at)]
        test_mmpose.write(file, test_mmpose.demo(frames))


def yolo(folder: Path) -> None:
    for at, name in enumerate(("train/labels", "val/labels", "more/labels")):
        frames = {t: [test_yolo.line(test_yolo.pose(t + at))] for t in range(1, 5 + at)}
        test_yolo.labels(folder / name, frames, f"vid{at}")


def azure(folder: Path) -> None:
    for at, file in enumerate(places(folder, ".json")):
        frames = [[test_azure.body(p)] for p in test_azure.walk(4 + at)]
        test_azure.write(file, test_azure.recording(frames))


def mediapipe(folder: Path) -> None:
    pose_files.mediapipe(folder)
    (file,) = folder.rglob("*.json")
    for at, copy in enumerate(places(folder, ".json")):
        edit(file, lambda content: content)
        content = json.loads(file.read_text())
        rows = content if isinstance(content, list) else content["frames"]
        copy.write_text(json.dumps(rows[: 1 + at]))
    file.unlink()


def freemocap(folder: Path) -> None:
    for file in places(folder, ""):
        (file / "output_data").mkdir(parents=True)
        test_freemocap.wide(file / "output_data" / "mediapipe_body_3d_xyz.csv")


def deeplabcut(folder: Path) -> None:
    for file in places(folder, ".csv"):
        test_deeplabcut.write(file, test_deeplabcut.csv())


def sleap(folder: Path) -> None:
    for file in places(folder, ".h5"):
        test_sleap.analysis(file)


def kinetics(folder: Path) -> None:
    """Numbers of classes with gaps, one without a name, and the split by folders."""
    file = pose_files.kinetics(folder)
    whole = json.loads(file.read_text())
    file.unlink()
    for at, (side, label, name) in enumerate(
        (("train", 7, "g"), ("val", 2, "c"), ("train", 4, ""), ("val", 7, "g"), ("train", 0, "a"))
    ):
        place = folder / f"kinetics_{side}"
        place.mkdir(exist_ok=True)
        frames = whole["data"][: 2 + at % 3]
        rows = {"data": frames, "label": name, "label_index": label}
        (place / f"v{at}.json").write_text(json.dumps(rows))


def csv(folder: Path) -> None:
    pose_files.csv(folder)
    text = (folder / "walk" / "S3_C1.csv").read_text().splitlines()
    for at, name in enumerate(("sit/S1_C2", "wave/S7_C1", "sit/S2_C1")):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.csv").write_text("\n".join(text[: 3 + at]))


def precog(folder: Path) -> None:
    text = pose_files.precog(folder).read_text().splitlines()
    for at, name in enumerate(("Seq1_2", "Seq10_1", "Seq2_11")):
        (folder / f"{name}.csv").write_text("\n".join(text[: 3 + at % 2]))


def humanml3d(folder: Path) -> None:
    points, _ = test_humanml3d.walk()
    (folder / "new_joints").mkdir()
    for at in range(5):
        np.save(folder / "new_joints" / f"00{at}.npy", points[: 20 + at])
    (folder / "train.txt").write_text("000\n003\n")
    (folder / "test.txt").write_text("001\n")


# Format -> writer of a folder, and the options that make most of it.
FOLDERS: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "ntu": (ntu, ()),
    "pkummd": (pkummd, ()),
    "humanml3d": (humanml3d, ()),
    "bvh": (bvh, ("folders=class",)),
    "amc": (amc, ("folders=class",)),
    "c3d": (c3d, ("folders=class",)),
    "trc": (trc, ("folders=class",)),
    "mvnx": (mvnx, ("folders=class",)),
    "motive": (motive, ("folders=class",)),
    "qualisys": (qualisys, ("folders=class",)),
    "nexus": (nexus, ("folders=class",)),
    "amass": (amass, ("folders=class",)),
    "openpose": (openpose, ("folders=class",)),
    "alphapose": (alphapose, ("folders=class",)),
    "mmpose": (mmpose, ("folders=class",)),
    "yolo": (yolo, ()),
    "azure": (azure, ("folders=class",)),
    "mediapipe": (mediapipe, ("folders=class",)),
    "freemocap": (freemocap, ("folders=class",)),
    "deeplabcut": (deeplabcut, ("folders=class",)),
    "sleap": (sleap, ("folders=class",)),
    "kinetics": (kinetics, ()),
    "csv": (csv, ()),
    "precog": (precog, ()),
}
