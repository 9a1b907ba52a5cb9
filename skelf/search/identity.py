"""The encoder of an index: what it is known by, and the copy that makes an index work alone."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..checkpoints import folder as checkpoint
from ..checkpoints.checksums import CHECKSUMS
from ..errors import InputError
from ..inference.bulk.once import Known, known
from ..runs.load import Run
from .manifest import Manifest

LARGEST_COPY = 200_000_000
"""Bytes of weights up to which an index keeps a copy of its encoder."""
FOLDER = "encoder"


def keep(run: Run, index: Path) -> str | None:
    """Copies the encoder's checkpoint into an index.

    Returns:
        None, or where it stays because it is too large: a path, or a name of the hub.

    Raises:
        OSError: it could not be written.
    """
    folder = checkpoint.locate(run)
    if folder.is_file():
        raise InputError(f"{run}: a file of weights; name a run or a checkpoint folder")
    if (folder / checkpoint.MODEL).stat().st_size > LARGEST_COPY:
        return str(Path(run).resolve()) if Path(run).exists() else str(run)
    target = index / FOLDER
    target.mkdir(exist_ok=True)
    for name in (checkpoint.CONFIG, checkpoint.CARD, CHECKSUMS, checkpoint.MODEL):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, target / name)
    return None


def encoder_of(folder: Path, manifest: Manifest, run: Run | None = None) -> Known:
    """The encoder of an index.

    Args:
        folder: the index.
        manifest: what it says.
        run: where the encoder is; None: in the index, or where that says.

    Raises:
        InputError: another encoder, or none where it should be.
    """
    usual = folder / FOLDER if manifest.elsewhere is None else manifest.elsewhere
    encoder = known(run if run is not None else usual)
    if encoder.identity == manifest.encoder:
        return encoder
    if run is not None:
        raise InputError(
            f"{run}: another encoder than that of the index {folder}, and vectors of two encoders "
            "cannot be compared; leave --run out, or make another index with it"
        )
    raise InputError(
        f"{usual}: not the encoder that the index {folder} was made with, it was changed; name "
        "that one with --run"
    )
