"""Reader for SMPL's bodies: AMASS and files made like it, AIST++, and stored joints of SMPL.

Such files hold turns of joints and the numbers of a shape. Where the joints are, only the body
model says, which is licensed: the user gives his own file of it. Joints at rest come from the
shape, then each turns about its parent. The model's correctives of the skin move no joint.
Soft tissue (`dmpls`) and expressions of the face are left out: they move joints by a few
millimetres at most. Source: M. Loper et al., SMPL, ACM ToG 2015; N. Mahmood et al., AMASS, 2019.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal

import numpy as np

from ...errors import InputError
from ...layouts import COCO17
from ...settings.options import option, options
from ...settings.ranges import Positive
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import source
from ..formats.file_columns import columns
from ..formats.smpl_fields import COCO, SUFFIXES, holds_motion
from ..formats.smpl_file import Body, load_smpl
from ..formats.smpl_model import Model, find_model, gender_of, load_model
from ..joints.smpl import FAMILIES
from ..listing import Listing
from ..motion import mocap_listing, smpl_joints
from ..motion.axes import Up
from ..motion.kinematics import forward, vector_rotation
from ..motion.mocap import Folders, Mocap, folders_option
from ..motion.recorded import Motion
from ..pool import Progress

BLOCK = 4096  # frames whose rotation matrices are in memory at once
Gender = Literal["female", "male", "neutral"]


@options("amass")
class AMASS:
    """How files of SMPL's bodies become clips."""

    mocap: Mocap = option(Mocap(), "units, axes, joints and frame rate")
    model: str | Path | None = option(
        None,
        "the body model that turns need: its .npz (or a .pkl without objects), or a folder with "
        "those of several genders",
    )
    gender: Gender | None = option(
        None, "of the body model, where the files do not say it; what they say counts first"
    )
    source_fps: Positive | None = option(
        None, "frames a second of the files, where they do not say it"
    )
    folders: Folders = folders_option("subject")


def read_amass(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: AMASS = AMASS(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads files of SMPL, SMPL-H or SMPL-X, or a folder of them, in metres with y up.

    Stored joints are read as they are. Turns need `model`; without it the message says which one.
    Files of a folder that hold no motion (shapes, models) are left out, with a note.

    Args:
        path: a `.npz`, `.pkl` or `.npy`, or a folder. All must have the same number of joints,
            unless a layout picks those that all of them have, as `smpl22`.
        layout: name of a layout, a TOML file, or a Skeleton, whose joints are found by name. None:
            the model's own joints and tree.
        how: the options.
        progress: called with files done and files in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: damaged, turns without their model, a model of another kind or gender, a frame
            rate, unit or axis that nothing tells; the message names file, field and remedy.
    """
    return list_amass(path, layout, how).clips(progress=progress, scratch=scratch)


def list_amass(
    path: str | Path, layout: str | Skeleton | None = None, how: AMASS = AMASS()
) -> Listing:
    """What `read_amass` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = _find(path)
    return mocap_listing.listing(
        path,
        files,
        _Loader(how),
        layout,
        how.mocap,
        columns=columns(path, files, how.folders, how.mocap.clip),
    )


class _Loader:
    """Reads bodies; models, which are large, are read once, and pickle never.

    Args:
        how: the options.
    """

    def __init__(self, how: AMASS) -> None:
        self.how = how
        self.models: dict[Path, Model] = {}

    def __reduce__(self) -> tuple[type[_Loader], tuple[AMASS]]:
        return _Loader, (self.how,)

    def __call__(self, file: Path) -> Motion:
        body = load_smpl(file)
        if body.joints is not None:
            return _stored(file, body, self.how)
        return _posed(file, body, self.how, self.models)


def _find(path: Path) -> list[Path]:
    """The recordings of a folder, or the one file."""
    if not path.is_dir():
        return source.find(path, path.suffix.lower() if path.suffix.lower() in SUFFIXES else ".npz")
    found = [f for f in sorted(path.rglob("*")) if f.suffix.lower() in SUFFIXES and f.is_file()]
    files = [file for file in found if holds_motion(file)]
    if not files:
        raise InputError(
            f"{path}: {len(found)} .npz, .pkl or .npy files, none with poses or joints of a body; "
            "name another folder"
        )
    if len(files) < len(found):
        left = next(file for file in found if file not in set(files))
        warnings.warn(
            f"{left} (of {len(found) - len(files)}): no motion in it, left out", stacklevel=4
        )
    return files


def _stored(file: Path, body: Body, how: AMASS) -> Motion:
    """Joints that the file holds: their order, unit and axes are looked at, not believed."""
    assert body.joints is not None
    count = body.joints.shape[1]
    if count == COCO:
        names, parents = COCO17.names, COCO17.parents
    else:
        names, parents = FAMILIES[count].names, FAMILIES[count].parents
        smpl_joints.refuse_order(file, body.joints)
    scale, unit = smpl_joints.unit(file, body.joints, how.mocap.scale)
    up, axis = _up(file, body, body.joints, how)
    return Motion(
        joints=body.joints,
        names=names,
        parents=parents,
        fps=_rate(file, body, how),
        scale=scale,
        up=up,
        notes=(*body.notes, *unit, *axis),
    )


def _posed(file: Path, body: Body, how: AMASS, models: dict[Path, Model]) -> Motion:
    """Joints of turns, by the user's model."""
    assert body.turns is not None
    count = body.turns.shape[1]
    model = _model(file, body, how, models)
    gender = f" {body.gender or how.gender or ''}".rstrip()
    notes = [*body.notes, f"joints of the body model {model.file.name}{gender}"]
    betas = body.betas
    most = model.shapes.shape[2]
    if betas[..., most:].any():
        raise InputError(
            f"{file}: betas are {betas.shape[-1]} numbers, and {model.file.name} has directions "
            f"for {most}; give model= the file with as many"
        )
    betas = betas[..., :most]
    if not betas.any():
        notes.append("no betas in it: the model's mean shape")
    family = FAMILIES[count]
    rest = model.shaped(betas)[..., :count, :]  # (V, 3) or (T, V, 3)
    up = np.array([max(0, parent) for parent in family.parents])
    offsets = np.broadcast_to(rest - rest[..., up, :], (len(body.turns), count, 3))
    joints = np.empty(offsets.shape)
    for at in range(0, len(joints), BLOCK):
        turns = body.turns[at : at + BLOCK]
        places = offsets[at : at + BLOCK].copy()
        pelvis = rest[..., 0, :] if rest.ndim == 2 else rest[at : at + BLOCK, 0]
        places[:, 0] = pelvis + body.moves[at : at + BLOCK] / body.size
        matrices = vector_rotation(turns) if turns.ndim == 3 else turns
        joints[at : at + BLOCK] = forward(places, matrices, family.parents)[0]
    axis, more = _up(file, body, joints, how)
    return Motion(
        joints=joints * body.size,
        names=family.names,
        parents=family.parents,
        fps=_rate(file, body, how),
        scale=0.01 if body.custom == "AIST++" else 1.0,
        up=axis,
        notes=(*notes, *more),
    )


def _model(file: Path, body: Body, how: AMASS, models: dict[Path, Model]) -> Model:
    """The model of the file's turns; read once."""
    assert body.turns is not None
    count = body.turns.shape[1]
    family = FAMILIES[count]
    gender = body.gender or how.gender or ""
    kind = family.name or "SMPL, SMPL-H or SMPL-X"
    if how.model is None:
        site = family.site or "smpl.is.tue.mpg.de"
        raise InputError(
            f"{file}: turns of {count} joints and no places: they need the body model {kind}, "
            f"gender {gender or 'unknown'}, {body.betas.shape[-1]} betas; its licence is yours "
            f"to accept at {site}; then give model=FILE.npz"
        )
    chosen = find_model(Path(how.model), count, gender or "neutral")
    if gender and gender_of(chosen) not in ("", gender):
        raise InputError(
            f"{file}: its body is {gender}, and {chosen} is {gender_of(chosen)}: another shape; "
            "give model= that one, or the folder of all"
        )
    if chosen not in models:
        models[chosen] = load_model(chosen)
    model = models[chosen]
    if count not in (22, model.joints):
        raise InputError(
            f"{file}: turns of {count} joints ({kind}), and {chosen} has {model.joints}: "
            f"{FAMILIES[model.joints].name}; give model= a file of {kind}"
        )
    return model


def _rate(file: Path, body: Body, how: AMASS) -> float:
    fps = body.fps if body.fps is not None else how.source_fps
    if fps is None:
        raise InputError(f"{file}: it does not say its frame rate; give source_fps=RATE")
    return source.rate(f"{file}: frame rate", fps)


def _up(file: Path, body: Body, joints: np.ndarray, how: AMASS) -> tuple[Up, list[str]]:
    """The axis up, and a note of what was assumed."""
    if how.mocap.up is not None:
        return how.mocap.up, []
    return smpl_joints.up(file, joints, body.up, body.custom)
