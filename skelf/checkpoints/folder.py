"""Checkpoints in the hub layout, written so that no kill and no full disk can lose the last one.

A checkpoint is a folder: `model.safetensors`, `config.json` and `README.md` (the model card) are
what a hub serves; `state.safetensors` and `state.json` hold what a resume needs (optimiser,
counters), and `checksums.json` lists what the others hold to the byte. A checkpoint is written into
a hidden folder beside its place, flushed to the disk, then renamed: one that can be seen is
complete.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

from torch import Tensor

from ..errors import InputError
from ..files import flush, read_json, sweep, temporary, write_text
from ..settings.values import Settings
from .card import card
from .checksums import CHECKSUMS, Checksums, verify
from .hub import download
from .tensors import MODEL, read_tensors, write_tensors

__all__ = [
    "MODEL",
    "card",
    "locate",
    "newest",
    "prune",
    "read_config",
    "read_state",
    "read_tensors",
    "reading",
    "save",
    "saved",
    "step_of",
    "whole_beside",
]

Content = TypeVar("Content")

CONFIG, CARD = "config.json", "README.md"
STATE_TENSORS, STATE = "state.safetensors", "state.json"

_STEP = re.compile(r"\.?(\D*)(\d+)(\.old)?$")


def save(
    folder: str | Path,
    *,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, object],
    card: str,
    state_tensors: Mapping[str, Tensor] | None = None,
    state: Mapping[str, object] | None = None,
) -> Path:
    """Writes a checkpoint folder: all of it or nothing.

    Args:
        folder: where it appears; a checkpoint that is there already is replaced.
        tensors: the model's weights and buffers, on any device; shared memory is stored twice.
        config: the whole resolved config and what else `read_config` shall give, JSON-safe.
        card: the text of README.md, see `card`.
        state_tensors: what a resume needs beside the model, see `state.optimizer_tensors`.
        state: counters and the like, JSON-safe.

    Returns:
        The folder.

    Raises:
        OSError: it could not be written, the disk being full for one; what was there before is
            untouched and nothing half-written stays.
    """
    folder = Path(folder)
    sweep(folder.parent)
    hidden = temporary(folder)
    try:
        hidden.mkdir(parents=True)
        with Checksums() as sums:
            for name, named in ((MODEL, tensors), (STATE_TENSORS, state_tensors)):
                if named is not None:
                    write_tensors(hidden / name, named, partial(sums.add, name))
            for name, value in ((CONFIG, config), (STATE, state)):
                if value is not None:
                    text = _json(value)
                    write_text(hidden / name, text)
                    sums.add(name, text.encode())
            write_text(hidden / CARD, card)
            for file in hidden.iterdir():
                flush(file)
            write_text(hidden / CHECKSUMS, _json(sums.listed()))
        flush(hidden)
        _put(hidden, folder)
    except OSError as error:
        shutil.rmtree(hidden, ignore_errors=True)
        _cannot_write(folder, error)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    return folder


def newest(run: str | Path) -> Path | None:
    """The checkpoint with the highest step under `run/checkpoints`; None when there is none."""
    steps = saved(run)
    return steps[-1] if steps else None


def saved(run: str | Path) -> list[Path]:
    """Complete checkpoints of a run, the highest step last.

    A `.<name>.old` is one that stepped aside for its replacement; it counts while that is missing,
    the process having been killed between the two renames.
    """
    steps = []
    folder = Path(run) / "checkpoints"
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _STEP.fullmatch(path.name)
        if match is None or path.name.startswith(".") != bool(match[3]) or not _complete(path):
            continue
        if match[3] is None or not (folder / path.name[1 : -len(".old")]).exists():
            steps.append((int(match[2]), path))
    return [path for _, path in sorted(steps)]


def step_of(folder: Path) -> int:
    """The step of a checkpoint of a run, as its name says.

    >>> step_of(Path("run/checkpoints/step00000120"))
    120
    """
    match = _STEP.fullmatch(folder.name)
    return int(match[2]) if match else 0


def prune(run: str | Path, keep: int) -> None:
    """Removes all but the `keep` newest checkpoints of a run, and what a kill left half-written.

    For the one process that writes into the run: a folder that another is writing would go too.
    """
    folder = Path(run) / "checkpoints"
    steps = saved(run)
    for old in steps[: max(len(steps) - keep, 0)]:
        # Hidden first: a removal that is killed half-way must not leave half a checkpoint in sight.
        gone = temporary(folder / old.name.lstrip("."))
        old.rename(gone)
    for stale in [*folder.glob(".*.tmp"), *folder.glob(".*.old")]:
        if stale not in steps:
            shutil.rmtree(stale, ignore_errors=True)


def locate(name: str | Path) -> Path:
    """The folder (or file) that holds the weights a user means.

    Args:
        name: a run folder (its newest checkpoint), a checkpoint folder in the hub layout, a file of
            weights (given back as it is), or a hub name `owner/name`, `owner/name@revision`.

    Raises:
        InputError: nothing of that kind is there, or the hub cannot be reached or does not have it.
    """
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        folder = path if _complete(path) else newest(path)
        if folder is None:
            raise InputError(
                f"{path}: no checkpoint here; give a run folder with checkpoints/ or a folder with "
                f"{MODEL} and {CONFIG}"
            )
        return folder
    hub = re.fullmatch(r"([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w./-]+))?", str(name))
    if hub is None:
        raise InputError(f"{name}: no such folder or file, and no hub name (owner/name)")
    folder = download(hub[1], hub[2], [MODEL, CONFIG, CARD, CHECKSUMS])
    if not _complete(folder):
        raise InputError(f"{name}: the hub has it, but without {MODEL} and {CONFIG}")
    return folder


def reading(name: str | Path, read: Callable[[Path], Content]) -> Content:
    """`read(locate(name))`, again where that checkpoint was pruned meanwhile by the run's training.

    Raises:
        InputError: what `read` raises; the run's newest other checkpoint that is whole is named.
    """
    while True:
        folder = locate(name)
        try:
            return read(folder)
        except InputError as error:
            if not folder.exists() and Path(name).is_dir():
                continue
            whole = None if _is_whole(folder) else whole_beside(folder)
            if whole is None:
                raise
            raise InputError(f"{error}; {whole} beside it is whole") from None


def whole_beside(folder: Path) -> Path | None:
    """The newest other checkpoint of a run that is as it was written; None: there is none."""
    if folder.parent.name != "checkpoints":
        return None
    others = (other for other in reversed(saved(folder.parent.parent)) if other != folder)
    return next(filter(_is_whole, others), None)


def _is_whole(folder: Path) -> bool:
    try:
        verify(folder)
    except InputError:
        return False
    return True


def read_config(folder: str | Path) -> Settings:
    """`config.json` of a checkpoint or run folder; InputError when it is missing or damaged."""
    path = Path(folder) / CONFIG
    if path.is_file():
        verify(path.parent, CONFIG)
    return read_object(path)


def read_object(path: Path) -> Settings:
    """A JSON object; InputError when it is missing or damaged."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: damaged, a JSON object is needed")
    return value


def read_state(folder: str | Path) -> tuple[dict[str, Tensor], Settings]:
    """What `save` was given as `state_tensors` and `state`.

    Raises:
        InputError: the checkpoint holds none (weights only), or it is damaged.
    """
    folder = Path(folder)
    if not (folder / STATE).is_file():
        raise InputError(f"{folder}: holds weights only, no training state to resume from")
    verify(folder, STATE)
    tensors = folder / STATE_TENSORS
    if not tensors.is_file():
        return {}, read_object(folder / STATE)
    verify(folder, STATE_TENSORS)
    return read_tensors(tensors), read_object(folder / STATE)


def _put(hidden: Path, folder: Path) -> None:
    """Renames `hidden` to `folder`; what is there steps aside and stays readable until then."""
    old = folder.parent / f".{folder.name}.old"
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    try:
        hidden.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    flush(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _cannot_write(folder: Path, error: OSError) -> NoReturn:
    reason = error.strerror or str(error)
    one_line = f"{folder}: cannot write the checkpoint: {reason}; older checkpoints are kept"
    failure = OSError(one_line)
    failure.errno = error.errno
    raise failure from error


def _complete(folder: Path) -> bool:
    return (folder / MODEL).is_file() and (folder / CONFIG).is_file()


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, indent=1, allow_nan=False) + "\n"
