"""Reader for plain NumPy files, and for what skeleton models are trained on.

`.npz` with ragged clips, `.npy` with one clip or a dense batch. Beside an `.npy` called
`train_data_joint.npy` or the like its names, labels and lengths are looked for
(`formats/field_arrays.py`); a folder of such arrays is one set with a split. CTR-GCN's `.npz`
(`formats/ctr_npz.py`), pickles of clips (`formats/clip_lists.py`), NW-UCLA's JSON
(`formats/clip_json.py`).

Fields of the `.npz`, N clips of F frames together; only `frames` and `offsets` must be there:

    frames       (F, M, V, C) float; an absent person is all zeros
    offsets      (N + 1,) int: clip i is frames[offsets[i]:offsets[i + 1]]
    labels       (N,) int, 0-based, -1 unknown         class_names  (classes,) str
    subjects     (N,) int, as are views (or cameras) and setups; -1 unknown
    joint_names  (V,) str    parents  (V,) int, -1 root       fps  one number or (N,)
    names        (N,) str    folds    (N,) int: the column "fold"
    intervals    (K, 4) int: recording, start, end (exclusive), label: the segments

Every other integer or boolean (N,) array becomes a column of its own name. The text `skelf`, which
`skelf data export` adds, holds the layout, attributes and splits.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...settings.ranges import Positive
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import clip_json, clip_lists, ctr_npz, field_arrays
from ..formats.batches import Form, Padding
from ..formats.dense_files import read_dense
from ..formats.h36m_files import FIELDS as H36M_FIELDS
from ..formats.npz_rows import names_in
from ..formats.numpy_files import load
from ..formats.ragged_npz import read_ragged
from ..motion.axes import Up
from ..motion.missing import Missing
from ..pool import Progress


@options("arrays")
class Arrays:
    """What the numbers of a file mean."""

    confidence: bool | None = option(
        None,
        "the last number of each joint is a confidence in [0, 1]; none: where an array's numbers "
        "are those of 2D poses with a score",
    )
    axes: str = option(
        "auto",
        "the dimensions of an .npy by letters, as NTVC: N clips, C coordinates, T frames, V "
        "joints, M persons; auto: what fits the layout",
    )
    missing: Missing = option(
        "linear", "what stands for joints without numbers (NaN): keep (zeros), hold, linear"
    )

    padding: Padding = option(
        "cut",
        "frames behind the end of a clip in a batch, empty or repeating its beginning, where no "
        "file has the lengths: cut, or keep",
    )
    up: Up | None = option(
        None, "the axis that points up, which becomes y (z in 2s-AGCN's arrays); none leaves axes"
    )
    fps: Positive | None = option(None, "frames a second, where the file does not say; none is 30")

    def check(self) -> None:
        """Refuses letters that name no array.

        Raises:
            ValueError: with the letters.
        """
        letters = set(self.axes)
        if self.axes != "auto" and (
            len(letters) < len(self.axes) or not {"T", "V", "C"} <= letters <= set("NCTVM")
        ):
            raise ValueError("axes: write T, V, C, and N or M where they are, each once, as NTVC")


def read_arrays(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Arrays = Arrays(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads arrays of clips or recordings; never runs what a pickle names.

    Args:
        path: an `.npz` (fields above, or CTR-GCN's); an `.npy` of `(N, C, T, V, M)`, `(T, V, C)`,
            `(T, M, V, C)` or one of `formats.dense.ORDERS`; a `.pkl` of clips; NW-UCLA's JSON; or
            a folder of such arrays or JSON files. A clip of a batch ends with its last frame that
            shows somebody where no file says better.
        layout: name of a layout, a TOML file, or a Skeleton. None: the built-in one whose joint
            names the file has, else a custom one from `joint_names` and `parents`. An `.npy` needs
            it. Joints that stand in another order than in the layout are sorted by name.
        how: the options.
        progress: called with files done and in all, where there are many.
        scratch: folder for the frames of an `.npy` meanwhile; None: the system's.

    Raises:
        InputError: anything that does not hold; the message names file, field and remedy.
    """
    path = Path(path)
    skeleton = named_layout(layout) if isinstance(layout, str) else layout
    form = Form(how.axes, how.confidence, how.missing, padding=how.padding, up=how.up, fps=how.fps)
    return replace(_read(path, skeleton, form, progress, scratch), path=None)


def _read(
    path: Path,
    skeleton: Skeleton | None,
    form: Form,
    progress: Progress | None,
    scratch: str | Path | None,
) -> ClipSet:
    if path.is_dir():
        if clip_files := clip_json.files_of(path):
            return clip_json.read_clips(path, clip_files, skeleton, form, scratch, progress)
        return read_dense(_arrays(path), skeleton, form, scratch)
    if path.suffix.lower() == ".json":
        return clip_json.read_clips(path, [path], skeleton, form, scratch)
    if path.suffix.lower() in (".pkl", ".pickle"):
        return clip_lists.read_lists(path, skeleton, form, scratch)
    fields = names_in(path)
    if ctr_npz.FIELDS & fields:
        return ctr_npz.read_ctr(path, skeleton, form, scratch)
    if H36M_FIELDS & fields:
        raise InputError(f"{path}: of Human3.6M's family; skelf data import h36m reads it")
    data = load(path)
    if isinstance(data, np.ndarray):
        return read_dense([path], skeleton, form, scratch)
    clips = read_ragged(path, data, skeleton, form)
    if form.confidence:
        clips = replace(clips, attributes=clips.attributes | {"confidence": "true"}, path=path)
        clips.validate()  # the path was for the messages
    return clips


def _arrays(folder: Path) -> list[Path]:
    """The field's arrays of a folder.

    Raises:
        InputError: there are none; the message says what there is.
    """
    if files := field_arrays.arrays_of(folder):
        return files
    below = [f.name for f in sorted(folder.iterdir()) if f.is_dir() and field_arrays.arrays_of(f)]
    if below:
        raise InputError(
            f"{folder}: arrays in {', '.join(below[:4])} below; name one of these folders"
        )
    if others := field_arrays.others_of(folder):
        field_arrays.refuse_other(others[0])
    raise InputError(
        f"{folder}: a folder; name a file, .npz or .npy, or a folder of arrays such as "
        "train_data_joint.npy"
    )
