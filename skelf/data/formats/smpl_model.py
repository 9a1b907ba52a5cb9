"""A user's own file of a body model (SMPL, SMPL-H, SMPL-X): its joints at rest, for any shape.

The files are licensed and none comes with skelf. Only the fields are read that place joints:
`v_template`, `shapedirs`, `J_regressor` and `kintree_table`, or `J` where these are left out.
Joints at rest are the regressor of the shaped skin, `J_regressor (v_template + shapedirs betas)`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..joints.smpl import FAMILIES
from .numpy_files import load_some
from .pickles import load_pickle
from .source import believed

FIELDS = ("v_template", "shapedirs", "J_regressor", "kintree_table", "J")
GENDERS = ("female", "male", "neutral")
SHAPES = {(55, 400): 300, (55, 20): 10}
"""SMPL-X's files have directions of expressions behind those of shapes: joints and directions ->
directions of shapes."""
_LETTER = {"f": "female", "m": "male", "n": "neutral"}
_KINDS = {"smplx": 55, "smplh": 52, "smpl": 24, "basicmodel": 24}
HOW = (
    "save its v_template, shapedirs, J_regressor (as a plain array) and kintree_table with "
    "np.savez where chumpy is installed, and give that file"
)


@dataclass(frozen=True)
class Model:
    """What of a body model places its joints.

    Args:
        file: it came from.
        rest: `(V, 3)` joints of the mean shape, metres.
        shapes: `(V, 3, B)` what each number of the shape adds.
    """

    file: Path
    rest: np.ndarray
    shapes: np.ndarray

    @property
    def joints(self) -> int:
        """Their number `V`."""
        return len(self.rest)

    def shaped(self, betas: np.ndarray) -> np.ndarray:
        """Joints at rest `(..., V, 3)` of shapes `(..., b)`, `b` at most `B`."""
        some = self.shapes[..., : betas.shape[-1]]
        return self.rest + np.einsum("vcb,...b->...vc", some, betas)


def gender_of(file: Path) -> str:
    """What a file's name, or its folder's, says of the gender; "" where they say nothing.

    >>> gender_of(Path("smplh/female/model.npz")), gender_of(Path("basicModel_m_lbs_10_207_0.pkl"))
    ('female', 'male')
    """
    for name in (file.stem.lower(), file.parent.name.lower()):
        words = re.split(r"[^a-z]+", name)
        for gender in GENDERS:
            if gender in words:
                return gender
        if words[0] == "basicmodel" and len(words) > 1 and words[1] in _LETTER:
            return _LETTER[words[1]]
    return ""


def find_model(path: Path, joints: int, gender: str) -> Path:
    """`path` itself, or in that folder the file of a model of so many joints and that gender.

    Raises:
        InputError: no such path, or not just one such file.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder; model is a body model's .npz")
    files = [f for f in sorted(path.rglob("*")) if f.suffix.lower() in (".npz", ".pkl")]
    kinds = {f: _kind(f, path) for f in files}
    wanted = {f for f in files if kinds[f] == joints or (joints == 22 and kinds[f])}
    fitting = [f for f in files if f in wanted and gender_of(f) == gender]
    # An .npz has no objects in it: it comes before a .pkl of the same model.
    fitting = [f for f in fitting if f.suffix.lower() == ".npz"] or fitting
    if len(fitting) != 1:
        kind = FAMILIES[joints].name or "SMPL, SMPL-H or SMPL-X"
        some = ", ".join(str(f.relative_to(path)) for f in (fitting or files)[:4]) or "no models"
        raise InputError(
            f"{path}: {len(fitting) or 'no'} files are called {kind} {gender} (there are {some}); "
            "name the file itself with model="
        )
    return fitting[0]


def _kind(file: Path, top: Path) -> int:
    """The joints of the model that a file below `top` is by its name or folder; 0 unknown."""
    for part in reversed(("/", *file.relative_to(top.parent).parts)):
        bare = part.lower().replace("+", "").replace("-", "")
        for word, joints in _KINDS.items():
            if bare.startswith(word):
                return joints
    return 0


def load_model(file: Path) -> Model:
    """Reads a model's file, `.npz` or `.pkl`.

    Raises:
        InputError: damaged, or no body model; a pickle with objects in it.
    """
    if file.suffix.lower() == ".npz":
        fields, objects = load_some(file, FIELDS)
        for key in objects:
            raise InputError(f"{file}: {key}: an object array, which is never loaded; {HOW}")
    else:
        try:
            content = load_pickle(file)
        except InputError as error:
            if "asks for" not in str(error):
                raise
            raise InputError(f"{error}; {HOW}") from None
        content = content if isinstance(content, dict) else {}
        fields = {key: content[key] for key in FIELDS if isinstance(content.get(key), np.ndarray)}
    parents = _field(file, fields, "kintree_table")
    joints = parents.shape[-1] if parents.ndim == 2 else 0
    if joints not in FAMILIES or len(parents) != 2:
        raise InputError(
            f"{file}: kintree_table {parents.shape}: no body model of 24, 52 or 55 joints (SMPL, "
            "SMPL-H, SMPL-X); name another"
        )
    if tuple(parents[0, 1:].astype(np.int64).tolist()) != FAMILIES[joints].parents[1:]:
        raise InputError(f"{file}: kintree_table: not {FAMILIES[joints].name}'s tree of joints")
    return _of_joints(file, fields, joints)


def _of_joints(file: Path, fields: dict[str, np.ndarray], joints: int) -> Model:
    """The model of fields that are a body's."""
    if "v_template" not in fields and "J" in fields:
        return Model(file, _shaped(file, "J", fields["J"], (joints, 3)), np.zeros((joints, 3, 0)))
    skin = _field(file, fields, "v_template")
    points = len(skin) if skin.ndim == 2 else 0
    skin = _shaped(file, "v_template", skin, (points, 3))
    regressor = _shaped(file, "J_regressor", _field(file, fields, "J_regressor"), (joints, points))
    directions = _field(file, fields, "shapedirs")
    count = directions.shape[-1] if directions.ndim == 3 else 0
    directions = _shaped(file, "shapedirs", directions, (points, 3, count))
    directions = directions[..., : SHAPES.get((joints, count), count)]
    shapes = (regressor @ directions.reshape(points, -1)).reshape(joints, 3, -1)
    return Model(file, regressor @ skin, shapes)


def _field(file: Path, fields: dict[str, np.ndarray], key: str) -> np.ndarray:
    if key not in fields:
        raise InputError(f"{file}: no field {key!r}: not a body model's file as it comes; {HOW}")
    if fields[key].dtype.kind not in "fiu":
        raise InputError(f"{file}: {key}: no numbers; is it a body model's file?")
    return fields[key]


def _shaped(file: Path, key: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if values.shape != shape or not values.size or values.dtype.kind not in "fiu":
        raise InputError(f"{file}: {key}: {values.shape} instead of {shape}; the file is damaged")
    return believed(f"{file}: {key}", values.astype(np.float64))
