"""Where a model may be written: a folder that holds a model already, or nothing at all."""

from __future__ import annotations

from pathlib import Path

from ..checkpoints.folder import CONFIG, read_object
from ..errors import InputError
from ..files import is_text, temporary


def check_model_place(out: Path, *, replace: bool = False) -> None:
    """Refuses a place before the work, so that none is lost.

    Args:
        out: the model's folder.
        replace: whether a model that is there may be replaced. Nothing else ever is.

    Raises:
        InputError: a file, a folder with anything but a model in it, a model that is there, or
            nothing can be written there.
    """
    if not is_text(out):
        raise InputError(f"{out}: no UTF-8; choose another --out")
    try:
        if out.exists() and not out.is_dir():
            raise InputError(f"{out}: a file; a model is a folder, choose another --out")
        if out.is_symlink():
            raise InputError(f"{out}: a link; name the folder itself, or choose another --out")
        if out.is_dir() and any(out.iterdir()):
            if not _holds_model(out):
                raise InputError(
                    f"{out}: exists and is no model, which alone may be replaced here; choose "
                    "another --out"
                )
            if not replace:
                raise InputError(
                    f"{out}: exists already; choose another --out, or replace it with --force"
                )
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = temporary(out)
        beside.mkdir()
        beside.rmdir()
    except OSError as error:
        raise InputError(f"{out}: cannot write here: {error.strerror}") from None


def _holds_model(folder: Path) -> bool:
    try:
        return "model" in read_object(folder / CONFIG)
    except InputError:
        return False
