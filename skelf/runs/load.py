"""Encoders from what was saved: a run, a checkpoint folder, the hub, a released file.

A method that trains several streams together (CrosSCLR) keeps the joint stream's encoder in
`.encoder` and the others' in `.encoders`; `stream` chooses among them, "all" takes them together.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor

from ..checkpoints import folder as checkpoint
from ..contracts import Encoder, Method
from ..data.normalize_default import AUTO, choose_released
from ..data.normalize_names import expand
from ..encoders import ENCODERS
from ..encoders.ensemble import Ensemble, common
from ..errors import InputError, unknown
from ..layouts import layout
from ..machine.guest import no_trace
from ..machine.guest import seed as seed_torch
from ..methods import OFFICIAL
from ..settings.run import Config
from ..settings.values import Settings
from ..skeleton import Skeleton
from ..streams import STREAMS
from .build import build_encoder, build_method, building, know, preparation

Run = str | Path
ALL = "all"


@runtime_checkable
class Streamed(Protocol):
    """A method that trains several streams together: the joint stream's encoder and `encoders`."""

    encoders: Mapping[str, Encoder]


@no_trace()
def load(
    run: Run, *, untrained: bool = False, seed: int | None = None, stream: str | None = None
) -> Encoder:
    """The trained encoder of a run folder, a checkpoint folder or a hub name, in evaluation mode.

    Args:
        run: where it is.
        untrained: the same encoder with the weights that a run with this `seed` starts from.
            BatchNorm has its starting statistics; `protocols.settling.settle` gives it those of
            clips, as `evaluate` does.
        seed: see `untrained`; None: the run's own, or 0 where it says none.
        stream: of a run that trained several together: joint (None), motion, bone, or "all" of them
            as an `ensemble.Ensemble`; any other run has one.

    Raises:
        InputError: nothing there, a checkpoint that does not hold, or no such stream in it.

    Examples:
        >>> import torch
        >>> import skelf
        >>> from skelf.data.synthetic.clips import generate
        >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
        >>> run = skelf.pretrain("usdrl", generate(clips=24), out="loaded", overrides=tiny)
        >>> encoder = skelf.load(run)
        >>> encoder(torch.zeros(2, 3, 8, 20, 1)).shape  # (N, C, T, V, M) to one vector a clip
        torch.Size([2, 16])
        >>> encoder.frames(torch.zeros(2, 3, 8, 20, 1)).shape  # and one a frame
        torch.Size([2, 8, 16])
    """
    return judged_encoder(run, None, untrained, seed, stream=stream)[0]


from_pretrained = load  # the name that users of the hub look for


@no_trace()
def load_official(
    path: str | Path,
    method: str,
    skeleton: Skeleton | str = "ntu25",
    stream: str = "joint",
    normalize: str = AUTO,
) -> Method:
    """The method that a checkpoint of the authors' release holds; its `.encoder` is ready to use.

    Args:
        path: the released file; nothing but tensors is read from it.
        method: whose release it is.
        skeleton: the layout it was trained on.
        stream: what it was trained on, joint, motion or bone: no released file says.
        normalize: the normalisation of its clips, which no released file says either: its authors'
            own for the layout ("auto"), or a name; "none" for a store that is prepared already.

    Raises:
        InputError: no official layout is known for the method, the file does not hold it, a stream
            that the method cannot have, or an unknown normalisation.

    Examples:
        >>> import torch
        >>> from skelf.encoders import ENCODERS
        >>> from skelf.layouts import NTU25
        >>> from skelf.methods import METHODS, OFFICIAL
        >>> method = METHODS["usdrl"](ENCODERS["dste"](NTU25, dim=8, frames=8))
        >>> torch.save(OFFICIAL["usdrl"].save(method), "released.pt")  # as the authors' files are
        >>> load_official("released.pt", "usdrl").encoder.dim
        16
    """
    if method not in OFFICIAL:
        raise unknown("official checkpoint layout", method, OFFICIAL)
    if stream not in STREAMS:
        raise unknown("stream", stream, STREAMS)
    table = layout(skeleton) if isinstance(skeleton, str) else skeleton
    state = checkpoint.read_tensors(Path(path))
    name = choose_released(normalize, method, preparation(method), table).name
    expand(name)  # refuses what is none
    with building(str(path)):
        released = OFFICIAL[method].load(state, table, str(path), stream=stream).eval()
    others = released.encoders.values() if isinstance(released, Streamed) else ()
    for encoder in (released.encoder, *others):
        know(encoder, name)
    return released


def judged_encoder(
    run: Run | Sequence[Run],
    method: str | None,
    untrained: bool,
    seed: int | None,
    skeleton: Skeleton | str = "ntu25",
    stream: str | None = None,
    normalize: str = AUTO,
) -> tuple[Encoder, Settings]:
    """The encoder and the config that it came with.

    Args:
        run: one, or several whose encoders become an `Ensemble`; its config lists theirs as `runs`.
        method: whose official checkpoints they are.
        untrained: see `load`.
        seed: see `load`.
        skeleton: the layout of official checkpoints.
        stream: see `load`; with `method`, what an official checkpoint was trained on. For several
            runs one for each, as "joint,motion,bone", or one for all.
        normalize: of official checkpoints, see `load_official`; a run knows its own.
    """
    runs = list_runs(run)
    if method is not None and untrained:
        raise InputError("--untrained needs a run of skelf, not an official checkpoint")
    loaded = [
        _from_run(each, untrained, seed, name)
        if method is None
        else _from_official(each, method, skeleton, name, normalize)
        for each, name in zip(runs, _for_each(stream, runs), strict=True)
    ]
    encoders = [encoder for of_run, _ in loaded for encoder in of_run]
    described = loaded[0][1] if len(runs) == 1 else _together(runs, loaded)
    return (encoders[0] if len(encoders) == 1 else Ensemble(encoders).eval()), described


def list_runs(run: Run | Sequence[Run]) -> list[Run]:
    """One run or several as a list; InputError where there is none, or one is named twice."""
    runs: list[Run] = [run] if isinstance(run, str | Path) else list(run)
    if not runs:
        raise InputError("no run is named; give --run")
    for each in runs:
        if [str(other) for other in runs].count(str(each)) > 1:
            raise InputError(f"{each}: this run is named twice; name each once")
    return runs


def _for_each(stream: str | None, runs: Sequence[Run]) -> list[str | None]:
    if stream is None:
        return [None] * len(runs)
    names: list[str | None] = [name.strip() for name in stream.split(",")]
    if len(names) not in (1, len(runs)):
        raise InputError(
            f"--stream {stream!r}: {len(names)} streams for {len(runs)} runs; name one for each "
            "--run, or one for all"
        )
    return names if len(names) == len(runs) else names * len(runs)


def _from_official(
    path: Run, method: str, skeleton: Skeleton | str, stream: str | None, normalize: str
) -> tuple[list[Encoder], Settings]:
    released = load_official(path, method, skeleton, normalize=normalize)
    if isinstance(released, Streamed):
        by_stream = {"joint": released.encoder, **released.encoders}
        encoders = [by_stream[name] for name in _choose(path, list(by_stream), stream)]
    elif stream == ALL:
        raise InputError(f"{path}: {method} trains one stream; name it with --stream")
    else:
        encoders = [load_official(path, method, skeleton, stream or "joint", normalize).encoder]
    return encoders, {
        "method": {"name": method, "form": "official"},
        "encoder": {"name": next(k for k, c in ENCODERS.items() if isinstance(encoders[0], c))},
        "data": {
            "normalize": getattr(encoders[0], "normalize", None),
            "persons": encoders[0].persons,
        },
        "source": {"seed": None},
    }


def _from_run(
    run: Run, untrained: bool, seed: int | None, stream: str | None
) -> tuple[list[Encoder], Settings]:
    return checkpoint.reading(run, partial(_read_run, run, untrained, seed, stream))


def _read_run(
    run: Run, untrained: bool, seed: int | None, stream: str | None, folder: Path
) -> tuple[list[Encoder], Settings]:
    if folder.is_file():
        raise InputError(f"{run}: a file; say whose official checkpoint it is with --method")
    described = checkpoint.read_config(folder)
    source = str(folder / "config.json")
    config, stored = _recorded(described, source), described.get("input")
    seed = _seed(described) if seed is None else seed
    seed_torch(seed, "cpu")
    first = build_encoder(config, stored, source)
    unread = untrained and stream is None
    tensors = {} if unread else checkpoint.read_tensors(folder / checkpoint.MODEL)
    prefixes = {first.stream: "encoder.", **_others(tensors)}
    encoders = {first.stream: first}
    names = _choose(run, list(prefixes), stream)
    if names != [first.stream]:
        if untrained:  # the others' weights are drawn after the first's, by the method
            seed_torch(seed, "cpu")
            method = build_method(config, stored, source)
            others = method.encoders if isinstance(method, Streamed) else {}
            encoders = {first.stream: method.encoder, **others}
        else:
            encoders |= {
                name: build_encoder(config, {**(stored or {}), "stream": name}, source)
                for name in names
                if name not in encoders
            }
    if missing := [name for name in names if name not in encoders]:
        raise InputError(f"{folder}: weights and config.json do not match: stream {missing[0]}")
    if not untrained:
        for name in names:
            _fill(encoders[name], tensors, prefixes[name], folder)
    return [encoders[name].eval() for name in names], {"source": {}} | described | {
        "data": config.data
    }


def _seed(described: Settings) -> int:
    """What a stored run was seeded with; 0 where its config says none."""
    seed = (described.get("source") or {}).get("seed")
    return seed if type(seed) is int and 0 <= seed < 2**63 else 0


def _recorded(described: Settings, source: str) -> Config:
    """The config of a stored run, which says how its clips were normalised."""
    config = Config.from_dict(described, source=source)
    normalize = described["data"].get("normalize", "none")  # what stood for nothing named
    if normalize == AUTO:
        raise InputError(f"{source}: data.normalize: {AUTO!r}; a run records which one it had")
    return replace(config, data={**config.data, "normalize": normalize})


def _others(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Further streams of a method that trains several -> where their tensors are."""
    streams = {match[1] for key in tensors if (match := re.match(r"encoders\.(\w+)\.", key))}
    return {name: f"encoders.{name}." for name in STREAMS if name in streams}


def _choose(run: Run, present: Sequence[str], stream: str | None) -> list[str]:
    """The streams of a run that are meant, of those that it holds."""
    if stream is None:
        return list(present[:1])
    if len(present) == 1:
        raise InputError(
            f"{run}: a run knows its stream, and this one holds {present[0]} alone; --stream "
            "chooses where one run trained several (crossclr), or goes with --method"
        )
    if stream == ALL:
        return list(present)
    if stream not in present:
        raise InputError(
            f"{run}: no stream {stream!r} in it; it holds {', '.join(present)}: name one, or all"
        )
    return [stream]


def _fill(encoder: Encoder, tensors: Mapping[str, Tensor], prefix: str, folder: Path) -> None:
    weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    try:
        encoder.load_state_dict(weights)
    except RuntimeError as error:
        detail = str(error).splitlines()[-1].strip()
        raise InputError(f"{folder}: weights and config.json do not match: {detail}") from None


def _together(runs: Sequence[Run], loaded: Sequence[tuple[list[Encoder], Settings]]) -> Settings:
    """The config of several runs: what they have in common, and each as it is."""
    configs = [described for _, described in loaded]
    normalize = [config["data"]["normalize"] for config in configs]
    for run, name in zip(runs, normalize, strict=True):
        if name != normalize[0]:
            raise InputError(
                f"{runs[0]} and {run}: data.normalize differs ({normalize[0]} and {name}); "
                "evaluate runs together that were trained alike"
            )
    settings = [config.get("eval") or {} for config in configs]
    agreed = {k: v for k, v in settings[0].items() if all(s.get(k) == v for s in settings)}
    if differing := sorted({key for section in settings for key in section} - agreed.keys()):
        warnings.warn(
            f"the runs' eval settings differ in {', '.join(differing)}: the defaults are used "
            "where no eval.key=value is given",
            stacklevel=4,
        )
    sections = ("method", "encoder", "views", "train", "data", "source")
    return {
        "method": {
            "name": common(config["method"]["name"] for config in configs),
            "form": common(config["method"].get("form") for config in configs),
        },
        "encoder": {"name": common(config["encoder"]["name"] for config in configs)},
        "data": configs[0]["data"],
        "source": {"seed": common(config["source"].get("seed") for config in configs)},
        "eval": agreed,
        "runs": [
            {"run": str(run), "streams": [encoder.stream for encoder in encoders]}
            | {key: config.get(key) for key in sections}
            for run, (encoders, config) in zip(runs, loaded, strict=True)
        ],
    }
