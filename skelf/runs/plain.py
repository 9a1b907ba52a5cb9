"""What is judged where there is no run: joints as they are, or through kernels nobody trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..checkpoints.folder import CONFIG
from ..contracts import Encoder
from ..data.clips import ClipSet
from ..data.normalize_default import AUTO, Choice
from ..data.normalize_names import check
from ..encoders.joints import NAME, Joints
from ..encoders.kernels import NAME as KERNELS
from ..encoders.kernels import Kernels
from ..errors import InputError
from ..settings.values import Settings
from .build import know

USUAL = ("root+facing-frames", "root+scale")
"""Normalisations of the joints: the first that suits the clips. Each treats a frame by itself, but
that flat ones are scaled, and the second one suits every layout."""


NAMES = (NAME, KERNELS)
"""The words that stand for an encoder without a run."""


def is_plain(runs: Sequence[str | Path]) -> bool:
    """Whether the runs are one of the words that stand for none; a path, as `./joints`, is none.

    Raises:
        InputError: the word beside runs, or a run of that name is here.
    """
    name = next((name for name in NAMES if name in runs), None)
    if name is None:
        return False
    if len(runs) > 1:
        raise InputError(f"--run {name}: means no run, and stands alone; leave out the others")
    if (Path(name) / CONFIG).exists():
        raise InputError(
            f"--run {name}: means no run, and a run of that name is here: ./{name} names it; "
            f"to judge the {name}, call from another folder"
        )
    return True


def refuse_with_plain(
    name: str, *, method: str | None, stream: str | None, untrained: bool
) -> None:
    """Refuses what says which weights are meant, where there are none.

    Raises:
        InputError: one of them is given.
    """
    given = {"--method": method, "--stream": stream, "--untrained": untrained or None}
    for option, value in given.items():
        if value is not None:
            raise InputError(f"--run {name}: has no weights; leave out {option}")


def plain_encoder(
    clips: ClipSet, normalize: str = AUTO, name: str = NAME, seed: int = 0
) -> tuple[Encoder, Settings, Choice]:
    """An encoder without a run for such clips, the config that results carry, the normalisation.

    Args:
        clips: what will be judged.
        normalize: the name of the clips' normalisation; `AUTO`: see `USUAL`.
        name: one of `NAMES`; kernels still lack thresholds, see `settling.settle_kernels`.
        seed: of what kernels draw.

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
    takes: Settings = {
        "skeleton": clips.skeleton,
        "in_channels": clips.channels,
        "persons": clips.persons,
        "confidence": clips.confidence,
    }
    encoder = (Kernels(**takes, seed=seed) if name == KERNELS else Joints(**takes)).eval()
    know(encoder, choice.name)
    described: Settings = {
        "method": {"name": name, "form": None},
        "encoder": {"name": name, "frames": encoder.num_frames},
        "data": {"normalize": choice.name, "persons": clips.persons},
        "source": {"seed": seed if name == KERNELS else None},
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
