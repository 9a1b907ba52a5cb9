"""Checkpoints in the hub layout, written so that no kill and no full disk can lose the last one.

A checkpoint is a folder: `model.safetensors`, `config.json` and `README.md` (the model card) are
what a hub serves; `state.safetensors` and `state.json` hold what a resume needs (optimiser,
counters). It is written into a hidden folder beside its place, flushed to the disk, then renamed:
a folder that can be seen is complete.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

from safetensors import SafetensorError
from torch import Tensor

from ..errors import InputError
from ..files import read_json, write_text
from ..settings.values import Settings
from .card import card
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
    "save",
    "saved",
]

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
    hidden = folder.parent / f".{folder.name}.{uuid4().hex[:8]}.tmp"
    try:
        hidden.mkdir(parents=True)
        write_tensors(hidden / MODEL, _owned(tensors))
        _write_json(hidden / CONFIG, config)
        write_text(hidden / CARD, card)
        if state_tensors is not None:
            write_tensors(hidden / STATE_TENSORS, _owned(state_tensors))
        if state is not None:
            _write_json(hidden / STATE, state)
        for file in hidden.iterdir():
            _flush(file)
        _flush(hidden)
        _put(hidden, folder)
    except (OSError, SafetensorError) as error:
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


def prune(run: str | Path, keep: int) -> None:
    """Removes all but the `keep` newest checkpoints of a run, and what a kill left half-written.

    For the one process that writes into the run: a folder that another is writing would go too.
    """
    folder = Path(run) / "checkpoints"
    steps = saved(run)
    for old in steps[: max(len(steps) - keep, 0)]:
        # Hidden first: a removal that is killed half-way must not leave half a checkpoint in sight.
        gone = folder / f".{old.name.lstrip('.')}.{uuid4().hex[:8]}.tmp"
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
    return _download(hub[1], hub[2])


def read_config(folder: str | Path) -> Settings:
    """`config.json` of a checkpoint folder; InputError when it is missing or damaged."""
    return read_object(Path(folder) / CONFIG)


def read_object(path: Path) -> Settings:
    """A JSON object; InputError when it is missing or damaged."""
    try:
        value = read_json(path)
    except RecursionError:
        raise InputError(f"{path}: damaged, nested too deeply") from None
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
    tensors = folder / STATE_TENSORS
    return (read_tensors(tensors) if tensors.is_file() else {}), read_object(folder / STATE)


def _owned(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, contiguous, each with memory of its own, which safetensors insists on."""
    owned: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        storage = tensor.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != tensor.nbytes:
            tensor = tensor.clone()
        seen.add(tensor.untyped_storage().data_ptr())
        owned[name] = tensor
    return owned


def _flush(path: Path) -> None:
    """Waits until a file, or a folder's list of names, is on the disk."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
    _flush(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _cannot_write(folder: Path, error: Exception) -> NoReturn:
    number = re.search(r"os error (\d+)", str(error))
    code = getattr(error, "errno", None) or (int(number[1]) if number else None)
    reason = os.strerror(code) if code else str(error)
    one_line = f"{folder}: cannot write the checkpoint: {reason}; older checkpoints are kept"
    failure = OSError(one_line)
    failure.errno = code
    raise failure from error


def _complete(folder: Path) -> bool:
    return (folder / MODEL).is_file() and (folder / CONFIG).is_file()


def _write_json(path: Path, value: Mapping[str, object]) -> None:
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def _download(name: str, revision: str | None) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise InputError(
            f"{name}: no such folder; for a hub name, pip install huggingface-hub"
        ) from None
    try:
        # Only these: a pickle in the repository is never fetched.
        folder = Path(
            snapshot_download(name, revision=revision, allow_patterns=[MODEL, CONFIG, CARD])
        )
    except Exception as error:  # the hub's client raises its own, its transport's and OSError
        line = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise InputError(f"{name}: no such folder, and the hub did not give it: {line}") from None
    if not _complete(folder):
        raise InputError(f"{name}: the hub has it, but without {MODEL} and {CONFIG}")
    return folder
