"""A run that goes on: what its folder says of how it began."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..checkpoints import folder as checkpoint
from ..errors import InputError
from ..settings.values import Value


class Stored(NamedTuple):
    """How a run was begun.

    Args:
        config: its `config.json`.
        method: the method's name.
        store: the store's file; None: it was trained on clips that had none, or by an earlier
            version.
        split: the split's name, or None for all clips.
        stream: joint, motion or bone.
        seed: of its draws.
        init: what its weights started from; None: fresh ones.
    """

    config: Mapping[str, Value]
    method: str
    store: Path | None
    split: str | None
    stream: str
    seed: int
    init: str | None


def read_stored(run: str | Path) -> Stored:
    """What a run's folder says of how it was begun.

    Raises:
        InputError: no run is there, or its config is damaged.
    """
    folder = Path(run)
    if folder.parent.name == "checkpoints" and (folder / checkpoint.MODEL).exists():
        raise InputError(
            f"{folder}: one checkpoint; name the run's folder, {folder.parent.parent}, which goes "
            "on from its newest"
        )
    if not (folder / checkpoint.CONFIG).is_file():
        raise InputError(f"{folder}: no run to resume here (no {checkpoint.CONFIG})")
    config = checkpoint.read_config(folder)
    refuse_model(config, folder)
    sections = {name: config.get(name) for name in ("method", "input", "source")}
    for name, section in sections.items():
        if not isinstance(section, Mapping):
            raise InputError(f"{folder / checkpoint.CONFIG}: {name}: a table is missing")
    source, store = config["source"], config.get("store")
    stored = Stored(
        config,
        config["method"].get("name"),
        Path(store) if isinstance(store, str) else None,
        source.get("split"),
        config["input"].get("stream"),
        source.get("seed"),
        source.get("init"),
    )
    for key, kind in (("method", str), ("stream", str), ("seed", int)):
        if not isinstance(getattr(stored, key), kind):
            raise InputError(f"{folder / checkpoint.CONFIG}: {key}: missing or damaged")
    for key in ("split", "init"):
        if not isinstance(getattr(stored, key), str | None):
            raise InputError(f"{folder / checkpoint.CONFIG}: source.{key}: damaged")
    return stored


def refuse_model(config: Mapping[str, Value], name: str | Path) -> None:
    """Refuses the folder of a model: its encoder can be used, but nothing goes on from it.

    Raises:
        InputError: the config has what a model's has more than a run's.
    """
    if "model" in config:
        raise InputError(
            f"{name}: a model, as skelf fit writes it, not a run: it has no training to go on "
            "with; name the run that it was fitted on"
        )


def locate_store(run: str | Path, stored: Stored) -> Path:
    """The store that the run was trained on.

    Raises:
        InputError: it is not known, or not there any more.
    """
    if stored.store is None:
        raise InputError(f"{run}: does not say where its store is; add --data STORE")
    if not stored.store.exists():
        raise InputError(
            f"{run}: was trained on {stored.store}, which is not there; add --data STORE"
        )
    return stored.store
