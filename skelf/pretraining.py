"""`pretrain` and `resume`: a run from settings and clips, begun or gone on with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .checkpoints import folder as checkpoint
from .data.clips import ClipSet
from .data.normalize_default import AUTO, Choice, choose
from .data.normalize_names import same
from .data.quality.stature import stature
from .encoders import ENCODERS
from .errors import InputError, unknown
from .files import is_text
from .machine.guest import no_trace
from .machine.guest import seed as seed_torch
from .methods import METHODS
from .opening import name_of, opened, prepared, refuse_seed, versions
from .protocols import PROTOCOLS
from .runs.build import build_method, input_of, preparation
from .runs.start import Start, read_start, refuse_without_first_stage, start_from
from .runs.stored import locate_store, read_stored
from .settings.run import Config, resolve
from .settings.values import Settings
from .streams import STREAMS
from .training.log import Event, Listener
from .training.monitor import judged, monitor

_NO_KNN = (
    "The monitor reads signs alone: k-NN needs a split with labelled clips on both sides, of two "
    "classes or more (--split)"
)


@no_trace()
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
    init: str | Path | None = None,
    listener: Callable[[Event], None] = lambda event: None,
    say: Callable[[str], None] = lambda text: None,
    stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Pretrains an encoder without labels.

    Args:
        method: a name in `METHODS`.
        data: a store or a ClipSet.
        out: the run's folder.
        split: train on the training side of this split; on all clips when None. Only the monitor
            (`train.monitor_every`) reads labels, for k-NN where both sides have some, and it
            changes nothing that is trained.
        stream: joint, motion or bone.
        config: a TOML file.
        overrides: `section.key=value` strings, which win over the file.
        seed: of the initial weights and of every draw; 0 to 2**63 - 1.
        resume: continue the run in `out` from its newest checkpoint.
        init: start from the weights of this run, checkpoint folder, hub name or released file of
            the method; a run's settings, but those of training, are then the ones that `config` and
            `overrides` change.
        listener: called with progress events; see `training.loop.fit`.
        say: told in one line which normalisation is in use, and why; in another one where a
            monitor was asked for and there are no labels for k-NN.
        stop: asked after each step; once it says yes the run is saved and ends, see `Stopped`.

    Returns:
        The run's folder.

    Raises:
        InputError: bad settings or data; the message names the key or file and the remedy.
        OSError: the run's folder cannot be written; older checkpoints are kept.
        RuntimeError: the loss, its gradients or the weights are not finite.
        Stopped: as `stop` asked.

    Examples:
        >>> import skelf
        >>> from skelf.data.synthetic.clips import generate
        >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
        >>> run = skelf.pretrain("usdrl", generate(clips=24), out="run", overrides=tiny)
        >>> skelf.load(run).dim
        16
    """
    start = None if init is None else read_start(init, method)
    settings = resolve(
        method,
        methods=METHODS,
        encoders=ENCODERS,
        protocols=PROTOCOLS,
        base=start and start.config,
        file=config,
        overrides=overrides,
    )
    if stream not in STREAMS:
        raise unknown("stream", stream, STREAMS)
    refuse_seed(seed)
    return _run(
        settings, start, data, out=Path(out), split=split, stream=stream, seed=seed,
        going_on=resume, init=init, listener=listener, say=say, stop=stop,
    )  # fmt: skip


@no_trace()
def resume(
    run: str | Path,
    data: str | Path | ClipSet | None = None,
    *,
    config: str | Path | None = None,
    overrides: Sequence[str] = (),
    listener: Callable[[Event], None] = lambda event: None,
    say: Callable[[str], None] = lambda text: None,
    stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Goes on with a run, which knows its method, data, split, stream, seed and settings.

    Args:
        run: the run's folder.
        data: its store, where that is elsewhere now, or its clips.
        config: a TOML file with settings to change.
        overrides: `section.key=value` to change: where and how long it is computed
            (`train.epochs`, `train.devices`), and on record `train.lr`, `weight_decay`, `momentum`,
            `clip_norm`, `precision`, `milestones`, `gamma` and `warmup_epochs`.
        listener: see `pretrain`.
        say: see `pretrain`.
        stop: see `pretrain`.

    Returns:
        The run's folder.

    Raises:
        InputError: no run, other data, or a setting that a resume cannot change.
        OSError: see `pretrain`; RuntimeError and Stopped as well.

    Examples:
        >>> import skelf
        >>> from skelf.data.synthetic.clips import generate
        >>> clips = generate(clips=24)
        >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
        >>> run = skelf.pretrain("usdrl", clips, out="longer", overrides=tiny)
        >>> run = skelf.resume(run, clips, overrides=["train.epochs=2", "train.lr=1e-4"])
    """
    stored = read_stored(run)
    if stored.method not in METHODS:
        raise unknown("method", stored.method, METHODS)
    settings = resolve(
        stored.method,
        methods=METHODS,
        encoders=ENCODERS,
        protocols=PROTOCOLS,
        base=stored.config,
        resumed=True,
        file=config,
        overrides=overrides,
    )
    fresh = checkpoint.newest(run) is None and stored.init is not None
    start = read_start(stored.init, stored.method) if fresh and stored.init else None
    return _run(
        settings, start, locate_store(run, stored) if data is None else data, out=Path(run),
        split=stored.split, stream=stored.stream, seed=stored.seed, going_on=True,
        init=stored.init, listener=listener, say=say, stop=stop,
    )  # fmt: skip


def _run(
    settings: Config,
    start: Start | None,
    data: str | Path | ClipSet,
    *,
    out: Path,
    split: str | None,
    stream: str,
    seed: int,
    going_on: bool,
    init: str | Path | None,
    listener: Callable[[Event], None],
    say: Callable[[str], None],
    stop: Callable[[], bool],
) -> Path:
    """Trains by resolved settings: what `pretrain` and `resume` share."""
    from .training.loop import fit  # Lightning takes seconds to import; judging needs none of it

    if start is None and not (going_on and checkpoint.newest(out)):
        refuse_without_first_stage(settings)
    if not is_text(out):
        raise InputError(f"{out}: no UTF-8, as TensorBoard needs it; choose another --out")
    clips = opened(data)
    choice = _choose(settings, clips, out if going_on else None)
    settings = replace(settings, data={**settings.data, "normalize": choice.name})
    clips = prepared(clips, choice.name)
    # Of a large set a table in memory is large: names are read by nobody here, and the other side
    # by the monitor alone.
    nameless = replace(clips, name=np.broadcast_to(np.array("", "U1"), len(clips)))
    train = nameless.side(split, "train") if split else clips
    test = nameless.side(split, "test") if split and settings.train.monitor_every else None
    described = _describe(settings, clips, train, stream, split, seed)
    if init is not None:
        described["source"]["init"] = str(init)
    if clips.path is not None:
        described["store"] = str(clips.path.absolute())
    seed_torch(seed, "cpu")  # where modules are built
    module = build_method(settings, described["input"], "config")
    if start is not None:
        start_from(start, module, settings.method, described["input"])
    lines = [str(choice)]
    if settings.train.monitor_every and not judged(train, test):
        lines.append(_NO_KNN)
    fit(
        module,
        train,
        settings.train,
        run=out,
        seed=seed,
        config=described,
        resume=going_on,
        monitor=monitor(train, test, seed) if settings.train.monitor_every else None,
        listener=_announcing(lines, say, listener),
        stop=stop,
    )
    return out


def _describe(
    settings: Config, clips: ClipSet, train: ClipSet, stream: str, split: str | None, seed: int
) -> Settings:
    """The whole config of a run, as checkpoints carry it."""
    source: Settings = {"data": name_of(clips), "digest": clips.digest(), "split": split}
    source |= {"seed": seed, "fps": [float(clips.fps.min()), float(clips.fps.max())]}
    bodies = stature(train)  # what tells another unit, or another axis up, when it is used
    source |= {"unit": clips.attributes.get("unit"), "up": bodies.up, "size": bodies.size}
    if "synthetic" in clips.attributes:  # the model card warns
        source["synthetic"] = clips.attributes["synthetic"]
    return settings.to_dict() | {
        "input": input_of(settings, clips, stream),
        "source": source,
        "versions": versions(),
    }


def _announcing(lines: list[str], say: Callable[[str], None], listener: Listener) -> Listener:
    """A listener that says lines before the first event: what is refused begins nothing."""

    def listen(event: Event) -> None:
        while lines:
            say(lines.pop(0))
        listener(event)

    return listen


def _choose(settings: Config, clips: ClipSet, resumed: Path | None) -> Choice:
    """The normalisation of a run: named, that of clips or run as they are, or the usual one."""
    asked = str(settings.data["normalize"])
    if asked == AUTO and resumed is not None and (resumed / "config.json").is_file():
        recorded = (checkpoint.read_object(resumed / "config.json").get("data") or {}).get(
            "normalize", "none"
        )
        return Choice(str(recorded), "as the run began")
    if asked == AUTO and not same(clips.normalize, "none"):
        return Choice(clips.normalize, "as the clips were opened")
    method = settings.method
    return choose(asked, method, preparation(method), clips.skeleton, clips.coordinates)
