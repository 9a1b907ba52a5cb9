"""Skeleton: one table of a joint layout, from which edges, bones, flips and body parts all derive.

`layouts/` has the built-in ones. A user's own layout is a TOML file (see `Skeleton.from_toml`) or
a call of `Skeleton(...)`; no source needs editing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import index as as_index
from pathlib import Path

from .errors import InputError, unknown
from .settings.values import Settings, Value


@dataclass(frozen=True)
class Skeleton:
    """A joint layout.

    Args:
        names: joint names, in the order of the `V` axis.
        parents: for each joint the index of its parent, -1 for the root (exactly one). The bone of
            a joint runs from its parent to it; graph distances start at the root.
        pairs: `(left, right)` joint indices; a flip swaps them, every other joint stays.
        parts: body part name -> joint indices; the parts are disjoint and cover all joints.
        centre: the joint that normalisation subtracts (hip or spine).
        name: what results and messages call the layout.

    Raises:
        InputError: unknown or cyclic parents, none or several roots, duplicated names, pairs that
            name a joint twice, parts that overlap or leave a joint out; the message names the
            joint.

    Examples:
        >>> arm = Skeleton(
        ...     names=("shoulder", "elbow", "wrist"),
        ...     parents=(-1, 0, 1),
        ...     pairs=(),
        ...     parts={"arm": (0, 1, 2)},
        ...     centre=0,
        ... )
        >>> arm.joints, arm.edges, arm.bones
        (3, ((1, 0), (2, 1)), (0, 0, 1))
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    parts: Mapping[str, tuple[int, ...]] = field(hash=False)
    centre: int
    name: str = "custom"

    def __post_init__(self) -> None:
        # Lists, NumPy integers and the like become plain tuples: equal tables compare equal.
        object.__setattr__(self, "names", tuple(str(n) for n in self.names))
        object.__setattr__(self, "parents", tuple(int(p) for p in self.parents))
        object.__setattr__(self, "pairs", tuple((int(a), int(b)) for a, b in self.pairs))
        object.__setattr__(
            self, "parts", {str(k): tuple(int(j) for j in v) for k, v in self.parts.items()}
        )
        object.__setattr__(self, "centre", int(self.centre))
        _validate(self)

    @property
    def joints(self) -> int:
        """Number of joints `V`."""
        return len(self.names)

    @property
    def root(self) -> int:
        """The joint without a parent."""
        return self.parents.index(-1)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """`(child, parent)` of every bone; the root has none."""
        return tuple((child, parent) for child, parent in enumerate(self.parents) if parent >= 0)

    @property
    def bones(self) -> tuple[int, ...]:
        """Each joint's parent, the root its own: `x - x[bones]` is the bone vector."""
        return tuple(j if parent < 0 else parent for j, parent in enumerate(self.parents))

    @property
    def flip(self) -> tuple[int, ...]:
        """The permutation of joints that swaps left and right; applied twice it is the identity."""
        order = list(range(self.joints))
        for left, right in self.pairs:
            order[left], order[right] = right, left
        return tuple(order)

    def to_dict(self) -> Settings:
        """Plain lists and strings, as JSON and HDF5 keep them; `from_dict` reads it back."""
        return {
            "name": self.name,
            "names": list(self.names),
            "parents": list(self.parents),
            "pairs": [list(pair) for pair in self.pairs],
            "parts": {part: list(joints) for part, joints in self.parts.items()},
            "centre": self.centre,
        }

    @classmethod
    def from_dict(cls, table: Mapping[str, Value], source: str = "skeleton") -> Skeleton:
        """Reads `to_dict`'s form; joints may stand as names instead of indices everywhere.

        Raises:
            InputError: a field is missing, unknown or of the wrong type; `source` names where it
                came from.
        """
        fields = ("name", "names", "parents", "pairs", "parts", "centre")
        for key in table:
            if key not in fields:
                raise InputError(f"{source}: {unknown('field', key, fields)}")
        missing = [key for key in ("names", "parents", "centre") if key not in table]
        if missing:
            raise InputError(
                f"{source}: field {missing[0]!r} is missing; needed: names, parents, centre"
            )
        try:
            names = [str(name) for name in table["names"]]
            index = {name: joint for joint, name in enumerate(names)} | {"": -1}

            def joint(value: int | str) -> int:
                return index[value] if isinstance(value, str) else as_index(value)

            return cls(
                names=tuple(names),
                parents=tuple(joint(p) for p in table["parents"]),
                pairs=tuple((joint(a), joint(b)) for a, b in table.get("pairs", ())),
                parts={
                    k: tuple(joint(j) for j in v)
                    for k, v in table.get("parts", {"body": names}).items()
                },
                centre=joint(table["centre"]),
                name=str(table.get("name", "custom")),
            )
        except KeyError as error:
            raise InputError(f"{source}: {unknown('joint', str(error.args[0]), names)}") from None
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{source}: not a layout ({error}); `names` and `parents` are lists, `pairs` a "
                "list of two-joint lists, `parts` a table of lists, `centre` one joint"
            ) from None

    @classmethod
    def from_toml(cls, path: str | Path) -> Skeleton:
        """Reads a layout from a TOML file: names, parents, centre; optionally pairs, parts, name.

        Raises:
            InputError: no such file, not TOML, or a field that does not hold.
        """
        path = Path(path)
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"{path}: cannot read a layout: {error}") from None
        return cls.from_dict({"name": path.stem, **table}, source=str(path))


def _validate(s: Skeleton) -> None:
    count = len(s.names)
    if not count:
        raise InputError("layout has no joints")
    if len(set(s.names)) != count:
        twice = next(n for n in s.names if s.names.count(n) > 1)
        raise InputError(f"joint name {twice!r} stands twice; names must differ")
    if len(s.parents) != count:
        raise InputError(f"{count} names but {len(s.parents)} parents; give each joint one parent")
    roots = [s.names[j] for j, p in enumerate(s.parents) if p == -1]
    for j, parent in enumerate(s.parents):
        if not -1 <= parent < count:
            raise InputError(
                f"joint {s.names[j]!r} has the unknown parent {parent}; use -1 or 0 to {count - 1}"
            )
    _refuse_cycles(s)
    if len(roots) != 1:
        raise InputError(f"layout needs exactly one root (parent -1), found {roots or 'none'}")
    _index("centre", [s.centre], count)
    paired = [joint for pair in s.pairs for joint in pair]
    _index("pairs", paired, count)
    for joint in paired:
        if paired.count(joint) > 1:
            raise InputError(
                f"pairs name the joint {s.names[joint]!r} twice; a joint has one counterpart"
            )
    member = [joint for part in s.parts.values() for joint in part]
    _index("parts", member, count)
    for joint in range(count):
        if member.count(joint) != 1:
            raise InputError(
                f"joint {s.names[joint]!r} is in {member.count(joint)} parts; each joint belongs "
                "to exactly one"
            )


def _refuse_cycles(s: Skeleton) -> None:
    for joint in range(len(s.names)):
        seen, at = {joint}, s.parents[joint]
        while at != -1:
            if at in seen:
                raise InputError(
                    f"parents of joint {s.names[joint]!r} form a cycle through {s.names[at]!r}"
                )
            seen.add(at)
            at = s.parents[at]


def _index(where: str, joints: Sequence[int], count: int) -> None:
    for joint in joints:
        if not 0 <= joint < count:
            raise InputError(
                f"{where}: joint {joint} does not exist; the layout has 0 to {count - 1}"
            )
