"""The encoder of an index: what it is known by, and the copy that makes an index work alone."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import NamedTuple

from ..checkpoints import folder as checkpoint
from ..checkpoints.checksums import CHECKSUMS
from ..contracts import Encoder, torch_module
from ..errors import InputError
from ..inference.needs import Needs, needs_of
from ..protocols._cache import content
from ..runs.load import Run, judged_encoder
from .manifest import Manifest

LARGEST_COPY = 200_000_000
"""Bytes of weights up to which an index keeps a copy of its encoder."""
FOLDER = "encoder"


class Known(NamedTuple):
    """An encoder with what is known of it.

    Args:
        encoder: in evaluation mode.
        needs: what it takes for granted of clips.
        identity: see `identity`.
    """

    encoder: Encoder
    needs: Needs
    identity: str


def known(run: Run) -> Known:
    """The encoder of a run, a checkpoint folder, a model folder or a hub name.

    Raises:
        InputError: nothing there, or a checkpoint that does not hold.
    """
    encoder, described = judged_encoder(run, None, False, 0)
    return Known(encoder, needs_of(encoder, described), identity(encoder))


def identity(encoder: Encoder) -> str:
    """A hash of all that an encoder's vectors depend on but the clips, as hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    settings = (
        type(encoder).__name__, encoder.dim, encoder.num_frames, encoder.persons,
        encoder.in_channels, encoder.confidence, encoder.stream,
        getattr(encoder, "normalize", None), encoder.skeleton.to_dict(),
    )  # fmt: skip
    digest.update(repr(settings).encode())
    for name, tensor in sorted(torch_module(encoder).state_dict().items()):
        digest.update(repr((name, tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(content(tensor))
    return digest.hexdigest()


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
