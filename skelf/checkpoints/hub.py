"""Checkpoints on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError


def download(name: str, revision: str | None, files: Sequence[str]) -> Path:
    """The folder with these files of a repository, as far as it has them.

    Args:
        name: `owner/name`.
        revision: a branch, tag or commit; None: the newest.
        files: all that is fetched: never a pickle.

    Raises:
        InputError: the hub's client is not installed, or the hub does not give it.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise InputError(
            f"{name}: no such folder; for a hub name, pip install huggingface-hub"
        ) from None
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(files)))
    except Exception as error:  # the hub's client raises its own, its transport's and OSError
        line = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise InputError(f"{name}: no such folder, and the hub did not give it: {line}") from None
