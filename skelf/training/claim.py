"""One run a folder: a lock while it trains, and no resuming with other settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..checkpoints.folder import MODEL, newest, read_config
from ..errors import InputError
from ..files import write_json
from ..locks import locked
from ..settings.given import SECTIONS
from ..settings.run import RESULT_FREE
from ..settings.values import Value
from .state import read_counters, resuming

# What may change when a run is resumed: it alters where and how long, not what is computed.
_FREE = RESULT_FREE | {"train.epochs", "source.data"}


@contextmanager
def claim(run: Path, config: Mapping[str, Value], resume: bool) -> Iterator[None]:
    """Holds the run's folder and writes its config; the lock ends with the process, killed or not.

    The config of a run that ended before its first checkpoint is replaced.

    Raises:
        InputError: the folder cannot be made, another process holds it, it has a run that is not to
            be resumed, or one with other settings or with more epochs than asked for.
    """
    with locked(
        run, ".lock",
        busy="another process is training here; wait for it or choose another --out",
        unwritable="cannot write the run's folder",
    ):  # fmt: skip
        last = newest(run)
        if last is not None and resume:
            _refuse_changes(run, config)
            _refuse_fewer_epochs(run, last, config["train"]["epochs"])
        elif last is not None or not _replaceable(run):
            raise InputError(
                f"{run}: already holds a run; --resume continues it, another --out starts a new one"
            )
        write_json(run / "config.json", config)
        yield


def _replaceable(run: Path) -> bool:
    """Whether nothing is lost with `config.json`: none there, or all that a failed start left."""
    if not (run / "config.json").exists():
        return True
    try:
        stored = read_config(run)
    except InputError:
        return False  # ours is written whole or not at all
    return not (run / MODEL).exists() and all(name in stored for name in SECTIONS)


def _refuse_fewer_epochs(run: Path, last: Path, epochs: int) -> None:
    with resuming(last):
        done = read_counters(last)["epoch"]
    if epochs < done:
        raise InputError(
            f"{run}: already trained {done} epochs; nothing to do with train.epochs={epochs}"
        )


def _refuse_changes(run: Path, config: Mapping[str, Value]) -> None:
    if not (run / "config.json").exists():
        return
    stored = read_config(run)
    # A cosine's every rate depends on the number of epochs.
    cosine = config["train"]["schedule"] == "cosine"
    free = _FREE - {"train.epochs"} if cosine else _FREE
    lines = []
    for section in ("method", "encoder", "views", "train", "data", "input", "source"):
        values, before = config.get(section, {}), stored.get(section, {})
        for key in sorted(values.keys() | before.keys()):
            if f"{section}.{key}" not in free and values.get(key) != before.get(key):
                lines.append(f"{section}.{key}={before.get(key)!r}, not {values.get(key)!r}")
    if lines:
        raise InputError(
            f"{run}: the run has {'; '.join(lines)}; resume with the same settings or start a new "
            "run with another --out"
        )
