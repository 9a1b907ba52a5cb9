"""What is judged where there is no run: the joints as they are, every encoder's plain rival."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..checkpoints.folder import CONFIG
from ..contracts import Encoder
from ..data.clips import ClipSet
from ..data.normalize_default import AUTO, Choice
from ..data.normalize_names import check
from ..encoders.joints import NAME, Joints
from ..errors import InputError
from ..settings.values import Settings
from .build import know

USUAL = ("root+facing-frames", "root+scale")
"""Normalisations of the joints: the first that suits the clips. Each treats a frame by itself, but
that flat ones are scaled, and the second one suits every layout."""


def is_plain(runs: Sequence[str | Path]) -> bool:
    """Whether the runs are the one word that stands for no encoder; a path, as `./joints`, is none.

    Raises:
        InputError: the word beside runs, or a run of that name is here.
    """
    if NAME not in runs:
        return False
    if len(runs) > 1:
        raise InputError(f"--run {NAME}: means no encoder, and stands alone; leave out the others")
    if (Path(NAME) / CONFIG).exists():
        raise InputError(
            f"--run {NAME}: means no encoder, and a run of that name is here: ./{NAME} names it; "
            "to judge the joints, call from another folder"
        )
    return True


def refuse_with_plain(*, method: str | None, stream: str | None, untrained: bool) -> None:
    """Refuses what says which weights are meant, where there are none.

    Raises:
        InputError: one of them is given.
    """
    given = {"--method": method, "--stream": stream, "--untrained": untrained or None}
    for option, value in given.items():
        if value is not None:
            raise InputError(f"--run {NAME}: has no weights; leave out {option}")


def plain_encoder(clips: ClipSet, normalize: str = AUTO) -> tuple[Encoder, Settings, Choice]:
    """The joints as features for such clips, the config that results carry, the normalisation.

    Args:
        clips: what will be judged.
        normalize: the name of the clips' normalisation; `AUTO`: see `USUAL`.

    Raises:
        InputError: an unknown normalisation, or one that does not suit the clips.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> encoder, described, choice = plain_encoder(generate(clips=12))
        >>> encoder.dim, described["method"]["name"], choice.name
        (120, 'joints', 'root+facing-frames')
    """
    choice = Choice(normalize, "as data.normalize says")
    if normalize == AUTO:
        choice = Choice(_usual(clips), "usual for joints without an encoder")
    check(choice.name, clips.skeleton, clips.coordinates)
    encoder = Joints(
        clips.skeleton,
        in_channels=clips.channels,
        persons=clips.persons,
        confidence=clips.confidence,
    ).eval()
    know(encoder, choice.name)
    described: Settings = {
        "method": {"name": NAME, "form": None},
        "encoder": {"name": NAME, "frames": encoder.num_frames},
        "data": {"normalize": choice.name, "persons": clips.persons},
        "source": {"seed": None},
    }
    return encoder, described, choice


def _usual(clips: ClipSet) -> str:
    for name in USUAL[:-1]:
        try:
            check(name, clips.skeleton, clips.coordinates)
        except InputError:
            continue
        return name
    return USUAL[-1]
