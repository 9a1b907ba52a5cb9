"""Reader for Human3.6M as VideoPose3D and MotionBERT have it, and for what 3D lifters write.

`data_3d_h36m.npz`, `data_2d_h36m_*.npz`, `data_2d_custom_*.npz` (`formats/h36m_files.py`),
MotionBERT's pickles (`formats/motionbert.py`), `X3D.npy` and other poses `(T, 17, 2 or 3)`, and
folders of such `.npy`. Joints come with y up; in an image y is negated, and depth with it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...settings.ranges import Positive
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats.h36m_files import read_npy, read_npz
from ..formats.h36m_parts import TEST, TRAIN, Piece, Recordings
from ..formats.motionbert import Take, read_motionbert
from ..frames import Frames
from ..motion.axes import Up, upright
from ..motion.missing import Missing, fill_nan
from ..pool import Progress

UNKNOWN_FPS = 30.0


@options("h36m")
class H36M:
    """What a file does not say."""

    take: Take = option("2d", "of MotionBERT's pickles: 2d poses with confidence, or 3d in pixels")
    up: Up | None = option(
        None,
        "the axis that points up and becomes y; none: z in data_3d, -y in images, else the one "
        "along which bodies stand",
    )
    scale: Positive | None = option(None, "metres in one unit; none: what is known of the file")
    fps: Positive | None = option(None, "frames a second; none: 50 of the set's own files, else 30")
    missing: Missing = option(
        "linear", "what stands for joints without numbers (NaN): keep (zeros), hold, linear"
    )


def read_h36m(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: H36M = H36M(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Human3.6M and poses of lifters; nothing in a pickle is ever run.

    Args:
        path: an `.npz`, `.pkl` or `.npy`, or a folder of `.npy` files, one a video.
        layout: of the joints; None: h36m17, or what a file's metadata say. The set's 32 joints
            become the 17 that all use.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: nothing of this family, or a file that leaves a question open.
    """
    path = Path(path)
    skeleton = named_layout(layout) if isinstance(layout, str) else layout
    files = sorted(path.rglob("*.npy")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: no .npy in it; name a file, .npz, .pkl or .npy")
    found = []
    for done, file in enumerate(files, start=1):
        found.append(_read(file, skeleton, how))
        if progress:
            progress(done, len(files))
    clips = _build(path, files, found, how, scratch)
    return replace(clips, path=None)  # it was for the messages


def _read(path: Path, skeleton: Skeleton | None, how: H36M) -> Recordings:
    suffix = path.suffix.lower()
    if suffix in (".pkl", ".pickle"):
        return read_motionbert(path, skeleton, how.take)
    if suffix == ".npz":
        return read_npz(path, skeleton, how.up)
    return read_npy(path, skeleton, how.up)


def _build(
    path: Path,
    files: Sequence[Path],
    found: Sequence[Recordings],
    how: H36M,
    scratch: str | Path | None,
) -> ClipSet:
    first = found[0]
    pieces: list[Piece] = []
    unseen = 0
    persons = max(piece.joints.shape[1] for part in found for piece in part.pieces)
    numbers = first.pieces[0].joints.shape[3]
    scales = [how.scale or part.scale for part in found]
    with Frames((persons, first.skeleton.joints, numbers), scratch) as frames:
        for file, part, scale in zip(files, found, scales, strict=True):
            if part.pieces[0].joints.shape[2:] != first.pieces[0].joints.shape[2:]:
                raise InputError(f"{file}: other joints than {files[0].name}; import them apart")
            for piece in part.pieces:
                clip, gone = _turned(piece.joints, part, how, scale)
                unseen += gone
                absent = persons - clip.shape[1]
                frames.add(np.pad(clip, ((0, 0), (0, absent), (0, 0), (0, 0))))
            pieces += part.pieces
        joints = frames.array()
    _note(path, found, scales, unseen, how)
    rates = [how.fps or part.fps or UNKNOWN_FPS for part in found for _ in part.pieces]
    class_names = tuple(sorted({piece.action for piece in pieces if piece.action}))
    label = [class_names.index(p.action) if p.action else -1 for p in pieces]
    attributes = {"title": path.stem, "source": path.name}
    attributes |= {"unit": "metre"} if all(scales) else {}
    attributes |= {"confidence": "true"} if first.confidence else {}
    return ClipSet.build(
        joints,
        [len(piece.joints) for piece in pieces],
        first.skeleton,
        class_names=class_names,
        name=_names(path, files, pieces),
        fps=np.array(rates, np.float32),
        label=label,
        subject=[piece.subject for piece in pieces],
        camera=[piece.camera for piece in pieces],
        splits=_splits(pieces),
        columns=_sizes(pieces),
        attributes=attributes,
        path=path,
    )


@np.errstate(all="ignore")  # what is infinite is refused as such
def _turned(
    joints: np.ndarray, part: Recordings, how: H36M, scale: float
) -> tuple[np.ndarray, int]:
    """A clip with y up, in metres where the unit is known, and its joints without numbers."""
    axes = joints.shape[-1] - part.confidence
    gone = int(np.isnan(joints).any(axis=-1).sum())
    clip = fill_nan(joints, how.missing, axes=axes) if gone else joints
    places = upright(clip[..., :axes], how.up or part.up)
    places = (places * (scale or 1)).astype(np.float32)
    if not part.confidence:
        return places, gone
    return np.concatenate([places, clip[..., axes:].astype(np.float32)], axis=-1), gone


def _note(
    path: Path, found: Sequence[Recordings], scales: Sequence[float], unseen: int, how: H36M
) -> None:
    notes = list(dict.fromkeys(note for part in found for note in part.notes))
    flat = found[0].pieces[0].joints.shape[3] - found[0].confidence == 2
    if flat:
        notes.append("places in an image: y is negated, so that it points up")
    elif not all(scales):
        notes.append("no unit is known; scale= says how many metres one is")
    if not how.fps and not all(part.fps for part in found):
        notes.append(f"no rate is known: {UNKNOWN_FPS:g} frames a second assumed (fps=)")
    if unseen:
        notes.append(f"{unseen} joints are NaN: not seen, missing={how.missing}")
    for note in notes:
        warnings.warn(f"{path}: {note}", stacklevel=4)


def _names(path: Path, files: Sequence[Path], pieces: Sequence[Piece]) -> list[str]:
    names = [piece.name for piece in pieces]
    if len(files) == 1 or len(set(names)) == len(names):
        return names
    return [file.relative_to(path).with_suffix("").as_posix() for file in files]


def _splits(pieces: Sequence[Piece]) -> dict[str, np.ndarray]:
    """Train and test by the file, else by the subjects that the papers take."""
    sides = []
    for piece in pieces:
        if piece.test is not None:
            sides.append(2 if piece.test else 1)
        else:
            sides.append(1 if piece.subject in TRAIN else 2 if piece.subject in TEST else 0)
    return {"xsub": np.array(sides, np.int8)} if any(sides) else {}


def _sizes(pieces: Sequence[Piece]) -> dict[str, np.ndarray]:
    sizes = np.array([piece.size for piece in pieces], np.int64)
    return {"width": sizes[:, 0], "height": sizes[:, 1]} if (sizes > 0).any() else {}
