"""The few public functions: pretrain, evaluate, load. The command line is a thin layer over them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import checkpoint
from .config import Config, encoder_class, evaluation, resolve
from .data.clips import ClipSet
from .data.normalize import NORMALISERS
from .encoders import ENCODERS
from .engine import fit
from .errors import InputError, unknown
from .files import write_json
from .log import Event
from .methods import METHODS, OFFICIAL
from .protocols import PROTOCOLS
from .protocols.features import extract_splits
from .protocols.knn import knn_scores
from .skeleton import Skeleton, layout
from .streams import STREAMS


def pretrain(
    method: str,
    data: str | Path | ClipSet,
    *,
    out: str | Path,
    split: str | None = None,
    stream: str = "joint",
    config: str | Path | None = None,
    overrides: Sequence[str] = (),
    seed: int = 0,
    resume: bool = False,
    listener: Callable[[Event], None] = lambda event: None,
) -> Path:
    """Pretrains an encoder without labels.

    Args:
        method: a name in `METHODS`.
        data: a store or a ClipSet.
        out: the run's folder.
        split: train on the training side of this split; on all clips when None. Only the k-NN monitor
            (`train.monitor_every`) reads labels, and it changes nothing that is trained.
        stream: joint, motion or bone.
        config: a TOML file.
        overrides: `section.key=value` strings, which win over the file.
        seed: of the initial weights and of every draw.
        resume: continue the run in `out` from its newest checkpoint.
        listener: called with progress events; see `engine.fit`.

    Returns:
        The run's folder.

    Raises:
        InputError: bad settings or data; the message names the key or file and the remedy.
    """
    resolved = settings(method, config, overrides)
    if stream not in STREAMS:
        raise unknown("stream", stream, STREAMS)
    clips = _open(data, resolved.data["normalize"])
    train, test = clips.split(split) if split else (clips, None)
    described = resolved.to_dict() | {
        "input": {
            "skeleton": clips.skeleton.to_dict(),
            "channels": clips.channels,
            "persons": resolved.data["persons"] or clips.persons,
            "stream": stream,
        },
        "source": {"data": _name(clips), "digest": clips.digest(), "split": split, "seed": seed},
        "versions": _versions(),
    }
    torch.manual_seed(seed)
    module = _method(resolved, described["input"])
    fit(
        module,
        train,
        resolved.train,
        run=Path(out),
        seed=seed,
        config=described,
        resume=resume,
        monitor=_monitor(train, test) if test is not None else None,
        listener=listener,
    )
    return Path(out)


def settings(
    method: str, config: str | Path | None = None, overrides: Sequence[str] = ()
) -> Config:
    """The resolved settings that `pretrain` would use.

    Raises:
        InputError: an unknown method, key or value, one line each.
    """
    return resolve(
        method,
        methods=METHODS,
        encoders=ENCODERS,
        protocols=PROTOCOLS,
        file=config,
        overrides=overrides,
    )


def evaluate(
    protocols: Sequence[str],
    run: str | Path | nn.Module,
    data: str | Path | ClipSet,
    *,
    split: str,
    out: str | Path | None = None,
    untrained: bool = False,
    method: str | None = None,
    overrides: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
) -> list[dict[str, Any]]:
    """Judges a frozen encoder by the named protocols.

    Args:
        protocols: names in `PROTOCOLS`.
        run: a run folder, a checkpoint folder, a hub name, or an official checkpoint file with `method`.
        data: a store or a ClipSet.
        split: the named split: train side to learn from, test side to judge.
        out: where the rows are written as JSON.
        untrained: judge the same encoder with fresh weights (of `seed`) instead: the baseline to beat.
        method: whose official checkpoint `run` is.
        overrides: `eval.key=value`.
        seed: of what the protocol draws.
        device: auto, cpu or cuda.

    Returns:
        One row a number: protocol, metric, value in [0, 1], selection, and all that is needed to know what it is.

    Raises:
        InputError: an unknown protocol, bad data, or a run that cannot be read.
    """
    for name in protocols:
        if name not in PROTOCOLS:
            raise unknown("protocol", name, PROTOCOLS)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder, described = _encoder(run, method, untrained, seed)
    clips = _open(data, described["data"]["normalize"])
    train, test = clips.split(split)
    asked = {name: PROTOCOLS[name] for name in protocols}
    given = evaluation(asked, base=described.get("eval"), overrides=overrides)
    cache = None if untrained or not Path(run).is_dir() else Path(run) / "features"
    rows = []
    for name, protocol in asked.items():
        began = time.perf_counter()
        outcome = protocol(
            encoder, train, test, seed=seed, device=device, cache=cache, **given[name]
        )
        shared = {
            "method": "untrained" if untrained else described["method"]["name"],
            "form": described["method"].get("form"),
            "encoder": described["encoder"]["name"],
            "stream": encoder.stream,
            "data": _name(clips),
            "split": split,
            "seed": seed if untrained else described["source"]["seed"],
            "eval_seed": seed,
            "definition": outcome.definition,
            "seconds": round(time.perf_counter() - began, 3),
            "version": version("skelf"),
            "versions": _versions(),
            "config": {
                key: described.get(key) for key in ("method", "encoder", "views", "train", "data")
            }
            | {"eval": given[name]},
        }
        for key, value in outcome.values.items():
            metric, _, selection = key.rpartition(".")
            head = {"protocol": name, "metric": metric, "value": value, "selection": selection}
            rows.append(head | shared)
    if out is not None:
        write_json(Path(out), rows)
    return rows


def load(run: str | Path) -> nn.Module:
    """The trained encoder of a run folder, a checkpoint folder or a hub name, in evaluation mode.

    Raises:
        InputError: nothing there, or a checkpoint that does not hold.
    """
    return _encoder(run, None, False, 0)[0]


def load_official(path: str | Path, method: str, skeleton: Skeleton | str = "ntu25") -> nn.Module:
    """The method that a checkpoint of the authors' release holds; its `.encoder` is ready to use.

    Args:
        path: the released file; nothing but tensors is read from it.
        method: whose release it is.
        skeleton: the layout it was trained on.

    Raises:
        InputError: no official layout is known for the method, or the file does not hold it.
    """
    if method not in OFFICIAL:
        raise unknown("official checkpoint layout", method, OFFICIAL)
    table = layout(skeleton) if isinstance(skeleton, str) else skeleton
    return OFFICIAL[method].load(checkpoint.read_tensors(Path(path)), table, str(path)).eval()


def _encoder(
    run: str | Path | nn.Module, method: str | None, untrained: bool, seed: int
) -> tuple[nn.Module, dict[str, Any]]:
    if method is not None:
        encoder = load_official(str(run), method).encoder
        name = next(key for key, cls in ENCODERS.items() if isinstance(encoder, cls))
        return encoder, {
            "method": {"name": method, "form": "official"},
            "encoder": {"name": name},
            "data": {"normalize": "none", "persons": encoder.persons},
            "source": {"seed": None},
        }
    folder = checkpoint.locate(run)
    described = checkpoint.read_config(folder)
    config = Config.from_dict(described, source=str(folder / "config.json"))
    torch.manual_seed(seed)
    encoder = _build_encoder(config, described["input"])
    if not untrained:
        tensors = checkpoint.read_tensors(folder / checkpoint.MODEL)
        own = {
            k.removeprefix("encoder."): v for k, v in tensors.items() if k.startswith("encoder.")
        }
        try:
            encoder.load_state_dict(own)
        except RuntimeError as error:
            detail = str(error).splitlines()[-1].strip()
            raise InputError(f"{folder}: weights and config.json do not match: {detail}") from None
    return encoder.eval(), described


def _build_encoder(config: Config, given: Mapping[str, Any]) -> nn.Module:
    cls, arguments = encoder_class(ENCODERS, config.encoder)
    return cls(
        Skeleton.from_dict(given["skeleton"]),
        in_channels=given["channels"],
        persons=given["persons"],
        stream=given["stream"],
        **arguments,
    )


def _method(config: Config, given: Mapping[str, Any]) -> nn.Module:
    try:
        encoder = _build_encoder(config, given)
        return METHODS[config.method](encoder, views=config.views, **config.arguments)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"config: {error}") from None


def _monitor(train: ClipSet, test: ClipSet) -> Callable[[nn.Module], dict[str, float]] | None:
    """Weighted k-NN of the test side against the training side; None where nothing is labelled."""
    if not ((train.label >= 0).any() and (test.label >= 0).any()):
        return None

    def read(encoder: nn.Module) -> dict[str, float]:
        device = next(encoder.parameters()).device
        f = extract_splits(encoder, train, test, device=str(device))
        scores = knn_scores(f.train, f.train_labels, f.test, f.classes)
        return {"knn_top1": float((scores.argmax(1) == f.test_labels).float().mean())}

    return read


def _open(data: str | Path | ClipSet, normalize: str) -> ClipSet:
    from dataclasses import replace

    if normalize not in NORMALISERS:
        raise InputError(f"data.normalize: {unknown('normalisation', normalize, NORMALISERS)}")
    if isinstance(data, ClipSet):
        return replace(data, normalize=normalize)
    return ClipSet.open(data, normalize=normalize)


def _name(clips: ClipSet) -> str:
    return clips.path.stem if clips.path else str(clips)


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("skelf", "torch", "numpy", "lightning")}
