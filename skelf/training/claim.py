"""One run a folder: a lock while it trains, and no resuming with other settings."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..checkpoints.folder import MODEL, newest, read_config
from ..errors import InputError
from ..files import write_json
from ..locks import locked
from ..settings.given import SECTIONS
from ..settings.options import flat
from ..settings.run import RESULT_FREE, Train
from ..settings.values import Settings
from .state import read_counters, resuming

# What may change when a run is resumed: it alters where and how long, not what is computed.
# The clips' digest holds what follows from them, which runs of earlier versions do not name.
_FREE = RESULT_FREE | {"train.epochs", "source.data", "source.resumed"}
_FREE |= {f"source.{key}" for key in ("fps", "unit", "up", "size")}
# What may change on record: under `resumed` in the config's `source`, the log and the model card.
_RECORDED = frozenset(
    f"train.{key}"
    for key in (
        *("lr", "weight_decay", "momentum", "clip_norm", "precision"),
        *("milestones", "gamma", "warmup_epochs"),
    )
)


@contextmanager
def claim(run: Path, config: Settings, resume: bool) -> Iterator[Settings]:
    """Holds the run's folder and writes its config; the lock ends with the process, killed or not.

    The config of a run that ended before its first checkpoint is replaced.

    Yields:
        The config with the changes of this resume and of earlier ones, `resumed` in its `source`.

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
            changes = _changes(run, config)
            counters = _refuse_fewer_epochs(run, last, config["train"]["epochs"])
            config = _recorded(run, config, changes, counters)
        elif last is not None or not _replaceable(run):
            raise InputError(
                f"{run}: already holds a run; --resume continues it, another --out starts a new one"
            )
        write_json(run / "config.json", config)
        yield config


def _replaceable(run: Path) -> bool:
    """Whether nothing is lost: there is no run's file, or all that a failed start left."""
    if not (run / "config.json").exists():
        return not (run / "log.jsonl").exists()  # another program's, or a run's without its config
    try:
        stored = read_config(run)
    except InputError:
        return False  # ours is written whole or not at all
    return not (run / MODEL).exists() and all(name in stored for name in SECTIONS)


def _refuse_fewer_epochs(run: Path, last: Path, epochs: int) -> Settings:
    with resuming(last):
        counters = read_counters(last)
    if epochs < counters["epoch"]:
        raise InputError(
            f"{run}: already trained {counters['epoch']} epochs; nothing to do with "
            f"train.epochs={epochs}"
        )
    return counters


def _recorded(run: Path, config: Settings, changes: Settings, counters: Settings) -> Settings:
    """The config with the run's history, and this resume's part of it."""
    stored = read_config(run) if (run / "config.json").exists() else {}
    history = list((stored.get("source") or {}).get("resumed", []))
    if changes:
        history.append({"step": counters["step"], "changes": changes})
    if not history:
        return config
    return config | {"source": config.get("source", {}) | {"resumed": history}}


def _changes(run: Path, config: Settings) -> Settings:
    """Setting -> [before, now], of what may change on record.

    Raises:
        InputError: something else differs.
    """
    if not (run / "config.json").exists():
        return {}
    stored = read_config(run)
    # A cosine's every rate depends on the number of epochs.
    cosine = config["train"]["schedule"] == "cosine"
    free = _FREE - {"train.epochs"} if cosine else _FREE
    lines, changes = [], {}
    for section in ("method", "encoder", "views", "train", "data", "input", "source"):
        values, before = config.get(section, {}), stored.get(section, {})
        if section == "train":  # an option that came later does by default what was done before it
            before = flat(Train()) | before
        for key in sorted(values.keys() | before.keys()):
            name, pair = f"{section}.{key}", [before.get(key), values.get(key)]
            if name in free or pair[0] == pair[1]:
                continue
            if name in _RECORDED:
                changes[name] = pair
            else:
                lines.append(f"{name}={pair[0]!r}, not {pair[1]!r}")
    if lines:
        raise InputError(
            f"{run}: the run has {'; '.join(lines)}, which a resume cannot change: resume with the "
            f"same settings (skelf pretrain --resume {shlex.quote(str(run))}), or start a new run "
            f"from its weights: --init {shlex.quote(str(run))} with another --out"
        )
    return changes
