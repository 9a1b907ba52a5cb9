"""The encoder or model of units of work: loaded once in a process, known by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ...contracts import Encoder, torch_module
from ...errors import InputError
from ...protocols._cache import content
from ...runs.load import Run, judged_encoder
from ..needs import Needs, needs_of

T = TypeVar("T")
# One of each kind: the key that it was asked for by, and it.
_loaded: dict[str, tuple[object, object]] = {}


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
    """The encoder of a run, a checkpoint folder, a model folder or a hub name, read from there.

    Raises:
        InputError: nothing there, or a checkpoint that does not hold.
    """
    encoder, described = judged_encoder(run, None, False, 0)
    found = Known(encoder, needs_of(encoder, described), identity(encoder))
    remember("encoder", run, found.identity, found)
    return found


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


def remember(kind: str, run: Run, wanted: str, found: object) -> None:
    """Keeps what this process has loaded for `once`."""
    _loaded[kind] = (str(run), wanted), found


def once(kind: str, run: Run, wanted: str, load: Callable[[Run], tuple[str, T]]) -> T:
    """What a command has loaded, on whichever machine; of each kind a process keeps one.

    Args:
        kind: what it is.
        run: where it lies.
        wanted: its identity where the command was called.
        load: reads it and says its identity.

    Raises:
        InputError: it is another one here.
    """
    key, found = _loaded.get(kind, (None, None))
    if key != (str(run), wanted):
        here, found = load(run)
        if here != wanted:
            raise InputError(f"{run}: is another {kind} here, or was changed meanwhile")
        remember(kind, run, wanted, found)
    return found  # type: ignore[return-value]  # of this kind


def encoder_once(run: Run, wanted: str) -> Known:
    """See `once`."""

    def load(run: Run) -> tuple[str, Known]:
        found = known(run)
        return found.identity, found

    return once("encoder", run, wanted, load)
