"""Where each joint of a layout comes from in another one: by names, by hand, or interpolated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from ...errors import InputError, unknown
from ...joints import aliases
from ...skeleton import Skeleton

Rule = Literal["interpolate", "mask"]
FEWEST = 0.5
"""Share of the target's joints that must have a counterpart; fewer than it may be guesses."""
GUESSES = ("stand-in", "between", "nearest", "amid")
"""How a joint comes from others that are near it, and not it."""
FIXED = {"hips", "hip", "knee", "ankle", "shoulder", "elbow", "wrist", "head", "nose"}
"""Joints at the ends of limbs: the next known one is a limb away."""
HINGES = {"knee", "ankle", "elbow", "wrist"}
"""Of these the ones that lie about on the line between their two neighbours."""
Sources = dict[int, tuple[dict[int, float], str, int]]
"""Joint of the target -> its weights, how it was found, and how many bones away."""


class Origin(NamedTuple):
    """Where a joint of the target comes from.

    Args:
        joint: its name in the target.
        weights: joints of the source as indices, each with its weight; they sum to 1. Empty: the
            joint is missing.
        how: "given", "same name", "same part", "markers" (the middle of those around it), "middle"
            (of both sides), or "missing"; or a guess: "stand-in", "between" the known joints before
            and after it, "amid" those after it, "nearest".
        bones: of a guess, how many bones along the body the nearest joint is away that it is
            guessed from; 0 else.
    """

    joint: str
    weights: Mapping[int, float]
    how: str
    bones: int = 0

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
    guess: bool = False,
) -> tuple[Origin, ...]:
    """Where each joint of `target` comes from, by the names of both layouts.

    First the same name, then the same part of the body (of markers the middle of those around
    it), then a stand-in (`words` has the tables), which is the middle of the two sides where it
    must be. What is left is missing.

    Args:
        source: the layout of the clips.
        target: the wanted one.
        missing: interpolate: on the way from the nearest known joint above it in the target's
            tree to the nearest ones below; where one side has none, at the place of the other
            (an end of a limb lies on the joint before it, its bone has no length). mask: zeros.
        joints: target's name -> source's name, or several joined by `+` for their middle; counts
            before names do.
        guess: a joint may stand for one that is a whole limb away, as a knee for a hip, and half
            of the joints may be guesses (see `GUESSES`).

    Raises:
        InputError: an unknown name, less than half of the target's joints found, or more guessed
            than `guess` allows.
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
    if not guess:
        _refuse_guesses(source, target, plan)
    return tuple(plan)


def _refuse_guesses(source: Skeleton, target: Skeleton, plan: Sequence[Origin]) -> None:
    """Raises InputError for joints from a limb away, and where half of all are guesses."""
    ways = (
        "say which is which, as --joint {joint}=A+B (the middle of two), leave out what the source "
        "lacks with --missing mask, or accept the guesses with --guess"
    )
    parts = [meant.part for meant in aliases.meanings(target.names)]
    placed = [origin.how in ("between", "amid", "nearest") for origin in plan]
    lone = [not any(placed[a] and placed[b] for a, b in target.edges if joint in (a, b))
            for joint in range(target.joints)]  # fmt: skip
    for joint, (origin, part) in enumerate(zip(plan, parts, strict=True)):
        near = origin.how == "between" and part in HINGES and lone[joint]
        if part in FIXED and placed[joint] and not near:
            raise InputError(
                f"{origin.joint} of {target.name!r} has no counterpart in {source.name!r}, and "
                f"{origin.said(source)} is a whole limb away: {ways.format(joint=origin.joint)}"
            )
    guessed = [origin.joint for origin in plan if origin.how in GUESSES]
    if len(guessed) >= FEWEST * target.joints:
        raise InputError(
            f"{len(guessed)} of the {target.joints} joints of {target.name!r} would be guessed "
            f"from {source.name!r} ({', '.join(guessed)}): {ways.format(joint=guessed[0])}"
        )


def _given(source: Skeleton, target: Skeleton, joints: Mapping[str, str]) -> Sources:
    sources: Sources = {}
    for name, words in joints.items():
        joint = _index(target, name, "target")
        parts = [_index(source, word.strip(), "source") for word in words.split("+")]
        if len(set(parts)) < len(parts):
            raise InputError(f"joint {name}={words}: names a joint twice; name each once")
        if joint in sources:
            raise InputError(f"joint {name}={words}: {name} was given before; give it once")
        sources[joint] = (dict.fromkeys(parts, 1 / len(parts)), "given", 0)
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
    place = aliases.places(source.names)
    top = aliases.together(place, "", "head+head_top")
    amid = bool(top) and aliases.are_bones(source.names) and not aliases.are_bones(target.names)
    if amid:  # a rig's head starts at the skull's base
        place["", "head"] = top
    folded = {aliases.fold(name): joint for joint, name in enumerate(source.names)}
    for joint, meant in enumerate(want):
        same = folded.get(aliases.fold(target.names[joint]))
        if joint in sources:
            continue
        if same is not None and have[same][:2] == meant[:2] and not (amid and meant.part == "head"):
            sources[joint] = ({same: 1.0}, "same name", 0)
        elif meant[:2] in place:
            weights = place[meant[:2]]
            sources[joint] = (dict(weights), "markers" if len(weights) > 1 else "same part", 0)
    used = {frozenset(weights) for weights, _, _ in sources.values()}
    for part, others in aliases.STAND_INS.items():
        both = [other for other in others if ("", other) not in place]  # the middle of both sides
        for joint in [j for j, m in enumerate(want) if m.part == part and j not in sources]:
            side = want[joint].side
            for other in others:
                weights = aliases.together(place, side, other)
                if weights and (frozenset(weights) not in used or other == "head"):
                    middle = not side and other in both
                    bones = 0 if middle else _bones_to(target, joint, want, other)
                    sources[joint] = (weights, "middle" if middle else "stand-in", bones)
                    used.add(frozenset(weights))
                    break
        if any(meant.part == part for meant in want):
            used |= {frozenset(aliases.together(place, "", other)) for other in both}


def _bones_to(target: Skeleton, joint: int, want: Sequence[aliases.Meaning], part: str) -> int:
    """Bones between a joint and the target's joint that is a part; 1 where it has none."""
    ends = {at for at, m in enumerate(want) if m.part == part and m.side in ("", want[joint].side)}
    around = {joint}
    for bones in range(1, target.joints):
        around |= {p for c, p in target.edges if c in around}.union(
            c for c, p in target.edges if p in around
        )
        if around & ends:
            return bones
    return 1


def _interpolated(
    target: Skeleton, joint: int, sources: Sources
) -> tuple[dict[int, float], str, int]:
    """Weights, how, and bones to the nearest known joint."""
    above, up = target.parents[joint], 1
    while above >= 0 and above not in sources:
        above, up = target.parents[above], up + 1
    below, down = _below(target, joint, sources)
    middle: dict[int, float] = {}
    for child in below:
        _add(middle, sources[child][0], 1 / len(below))
    if above < 0 and not below:  # as an eye below a nose, where both are unknown
        weights, _, bones = _interpolated(target, target.parents[joint], sources)
        return weights, "nearest", bones + 1
    if above < 0:
        return middle, "nearest" if len(middle) == 1 else "amid", down
    if not below:
        return dict(sources[above][0]), "nearest", up
    share = up / (up + down)
    if up == down == len(below) == 1:
        share = aliases.ALONG.get(aliases.meanings(target.names)[joint].part, share)
    weights = {}
    _add(weights, sources[above][0], 1 - share)
    _add(weights, middle, share)
    return weights, "between", min(up, down)


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
    taken = {at for weights, _, _ in sources.values() for at in weights}
    spare = [name for joint, name in enumerate(source.names) if joint not in taken]
    return InputError(
        f"only {len(sources)} of the {target.joints} joints of {target.name!r} have a counterpart "
        f"in {source.name!r}: nothing for {', '.join(lacking)}; not used: "
        f"{', '.join(spare) or 'none'}; say which is which, as --joint {lacking[0]}="
        f"{spare[0] if spare else source.names[0]} (A+B for the middle of two)"
    )
