"""Where each joint of a layout comes from in another one: by names, by hand, or interpolated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from ...errors import InputError, unknown
from ...skeleton import Skeleton
from . import aliases

Rule = Literal["interpolate", "mask"]
FEWEST = 0.5
"""Share of the target's joints that must have a counterpart."""
Sources = dict[int, tuple[dict[int, float], str]]
"""Joint of the target -> its weights and how it was found."""


class Origin(NamedTuple):
    """Where a joint of the target comes from.

    Args:
        joint: its name in the target.
        weights: joints of the source as indices, each with its weight; they sum to 1. Empty: the
            joint is missing.
        how: "given", "same name", "same part", "stand-in", "middle", "between", "nearest" or
            "missing".
    """

    joint: str
    weights: Mapping[int, float]
    how: str

    def said(self, source: Skeleton) -> str:
        """The source's joints in words, as "0.78 HandLeft + 0.22 ElbowLeft"."""
        names = [source.names[joint] for joint in self.weights]
        if len(set(self.weights.values())) < 2:
            return " + ".join(names)
        shares = self.weights.values()
        return " + ".join(f"{w:.2g} {name}" for w, name in zip(shares, names, strict=True))


def origins(
    source: Skeleton,
    target: Skeleton,
    *,
    missing: Rule = "interpolate",
    joints: Mapping[str, str] | None = None,
) -> tuple[Origin, ...]:
    """Where each joint of `target` comes from, by the names of both layouts.

    First the same name, then the same part of the body, then a stand-in (`words` has the
    tables), which is the middle of the two sides where it must be. What is left is missing.

    Args:
        source: the layout of the clips.
        target: the wanted one.
        missing: interpolate: on the way from the nearest known joint above it in the target's
            tree to the nearest ones below; where one side has none, at the place of the other
            (an end of a limb lies on the joint before it, its bone has no length). mask: zeros.
        joints: target's name -> source's name, or several joined by `+` for their middle; counts
            before names do.

    Raises:
        InputError: an unknown name, or less than half of the target's joints found.
    """
    if missing not in get_args(Rule):
        raise InputError(f"missing: {missing!r}; use interpolate or mask")
    sources = _given(source, target, joints or {})
    _by_name(source, target, sources)
    if len(sources) < FEWEST * target.joints:
        raise _too_few(source, target, sources)
    plan = []
    for joint, name in enumerate(target.names):
        if joint in sources:
            plan.append(Origin(name, *sources[joint]))
        elif missing == "mask":
            plan.append(Origin(name, {}, "missing"))
        else:
            plan.append(Origin(name, *_interpolated(target, joint, sources)))
    return tuple(plan)


def _given(source: Skeleton, target: Skeleton, joints: Mapping[str, str]) -> Sources:
    sources: Sources = {}
    for name, words in joints.items():
        joint = _index(target, name, "target")
        parts = [_index(source, word.strip(), "source") for word in words.split("+")]
        if len(set(parts)) < len(parts):
            raise InputError(f"joint {name}={words}: names a joint twice; name each once")
        if joint in sources:
            raise InputError(f"joint {name}={words}: {name} was given before; give it once")
        sources[joint] = (dict.fromkeys(parts, 1 / len(parts)), "given")
    return sources


def _index(skeleton: Skeleton, name: str, which: str) -> int:
    if name in skeleton.names:
        return skeleton.names.index(name)
    folded = [n.casefold() for n in skeleton.names]
    if folded.count(name.casefold()) != 1:
        raise InputError(f"{which} {skeleton.name!r}: {unknown('joint', name, skeleton.names)}")
    return folded.index(name.casefold())


def _by_name(source: Skeleton, target: Skeleton, sources: Sources) -> None:
    """Adds to `sources` what names say; a joint of the source stands in for one other only."""
    have, want = aliases.meanings(source.names), aliases.meanings(target.names)
    place: dict[tuple[str, str], int] = {}
    for joint in sorted(range(source.joints), key=lambda joint: have[joint].rank):
        place.setdefault(have[joint][:2], joint)
    folded = {aliases.fold(name): joint for joint, name in enumerate(source.names)}
    for joint, meant in enumerate(want):
        same = folded.get(aliases.fold(target.names[joint]))
        if joint in sources:
            continue
        if same is not None and have[same][:2] == meant[:2]:
            sources[joint] = ({same: 1.0}, "same name")
        elif meant[:2] in place:
            sources[joint] = ({place[meant[:2]]: 1.0}, "same part")
    used = {frozenset(weights) for weights, _ in sources.values()}
    for part, others in aliases.STAND_INS.items():
        for joint in [j for j, m in enumerate(want) if m.part == part and j not in sources]:
            for other in others:
                key = (want[joint].side, other)
                single = frozenset([place[key]] if key in place else [])
                stand_in = _middle(place, other) if "+" in other else single
                if len(stand_in) == 1 + ("+" in other) and (
                    stand_in not in used or other == "head"
                ):
                    how = "middle" if len(stand_in) > 1 else "stand-in"
                    sources[joint] = (dict.fromkeys(sorted(stand_in), 1 / len(stand_in)), how)
                    used.add(stand_in)
                    break
        if any(meant.part == part for meant in want):
            used |= {_middle(place, other) for other in others if "+" in other}


def _middle(place: Mapping[tuple[str, str], int], other: str) -> frozenset[int]:
    """The joints of both sides, as far as they are there, of "ear+ear"."""
    part = other.partition("+")[0]
    return frozenset(place[side, part] for side in ("left", "right") if (side, part) in place)


def _interpolated(target: Skeleton, joint: int, sources: Sources) -> tuple[dict[int, float], str]:
    above, up = target.parents[joint], 1
    while above >= 0 and above not in sources:
        above, up = target.parents[above], up + 1
    below, down = _below(target, joint, sources)
    middle: dict[int, float] = {}
    for child in below:
        _add(middle, sources[child][0], 1 / len(below))
    if above < 0 and not below:  # as an eye below a nose, where both are unknown
        return _interpolated(target, target.parents[joint], sources)[0], "nearest"
    if above < 0:
        return middle, "nearest" if len(middle) == 1 else "middle"
    if not below:
        return dict(sources[above][0]), "nearest"
    share = up / (up + down)
    if up == down == len(below) == 1:
        share = aliases.ALONG.get(aliases.meanings(target.names)[joint].part, share)
    weights: dict[int, float] = {}
    _add(weights, sources[above][0], 1 - share)
    _add(weights, middle, share)
    return weights, "between"


def _below(target: Skeleton, joint: int, sources: Sources) -> tuple[list[int], int]:
    """The known joints nearest below a joint, and how many bones they are away."""
    level, down = [joint], 0
    while level:
        level, down = [c for c, parent in target.edges if parent in level], down + 1
        nearest = [child for child in level if child in sources]
        if nearest:
            return nearest, down
    return [], 0


def _add(total: dict[int, float], weights: Mapping[int, float], share: float) -> None:
    for at, weight in weights.items():
        total[at] = total.get(at, 0.0) + share * weight


def _too_few(source: Skeleton, target: Skeleton, sources: Sources) -> InputError:
    lacking = [name for joint, name in enumerate(target.names) if joint not in sources]
    taken = {at for weights, _ in sources.values() for at in weights}
    spare = [name for joint, name in enumerate(source.names) if joint not in taken]
    return InputError(
        f"only {len(sources)} of the {target.joints} joints of {target.name!r} have a counterpart "
        f"in {source.name!r}: nothing for {', '.join(lacking)}; not used: "
        f"{', '.join(spare) or 'none'}; say which is which, as --joint {lacking[0]}="
        f"{spare[0] if spare else source.names[0]} (A+B for the middle of two)"
    )
