"""The few public functions: pretrain, evaluate, load. The command line is thin over them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from .checkpoints import folder as checkpoint
from .contracts import Encoder
from .data.clips import ClipSet
from .data.normalize_default import AUTO, Choice, choose, choose_released
from .data.normalize_names import same
from .data.presets import located
from .encoders import ENCODERS
from .encoders.ensemble import Ensemble
from .errors import InputError, unknown
from .files import is_text
from .machine.devices import choose_device
from .machine.guest import no_trace
from .machine.guest import seed as seed_torch
from .methods import METHODS
from .metrics.classes import topk_accuracy
from .protocols import PROTOCOLS
from .protocols.features import PRECISIONS, encode_in, extract_splits, normalized
from .protocols.knn import knn_scores
from .protocols.outcome import Outcome
from .results.archive import Row
from .results.unseen import warn_of_unseen
from .results.written import check_results, writing
from .runs.build import build_method, input_of, preparation
from .runs.load import from_pretrained, judged_encoder, list_runs, load, load_official
from .runs.start import Start, read_start, refuse_without_first_stage, start_from
from .runs.stored import locate_store, read_stored
from .settings.evaluation import evaluation
from .settings.given import parse_override
from .settings.options import flat
from .settings.run import Config, resolve
from .settings.values import Settings, Value
from .streams import STREAMS
from .training.log import Event

__all__ = ["evaluate", "from_pretrained", "load", "load_official", "pretrain", "resume"]


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
        split: train on the training side of this split; on all clips when None. Only the k-NN
            monitor (`train.monitor_every`) reads labels, and it changes nothing that is trained.
        stream: joint, motion or bone.
        config: a TOML file.
        overrides: `section.key=value` strings, which win over the file.
        seed: of the initial weights and of every draw; 0 to 2**63 - 1.
        resume: continue the run in `out` from its newest checkpoint.
        init: start from the weights of this run, checkpoint folder, hub name or released file of
            the method; a run's settings, but those of training, are then the ones that `config` and
            `overrides` change.
        listener: called with progress events; see `training.loop.fit`.
        say: told in one line which normalisation is in use, and why.
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
    _refuse_seed(seed)
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
    clips = _open(data)
    choice = _choose(settings, clips, out if going_on else None)
    settings = replace(settings, data={**settings.data, "normalize": choice.name})
    clips = _prepared(clips, choice.name)
    say(str(choice))
    train, test = clips.split(split) if split else (clips, None)
    described = _describe(settings, clips, stream, split, seed)
    if init is not None:
        described["source"]["init"] = str(init)
    if clips.path is not None:
        described["store"] = str(clips.path.absolute())
    seed_torch(seed, "cpu")  # where modules are built
    module = build_method(settings, described["input"], "config")
    if start is not None:
        start_from(start, module, settings.method, described["input"])
    fit(
        module,
        train,
        settings.train,
        run=out,
        seed=seed,
        config=described,
        resume=going_on,
        monitor=_monitor(train, test) if settings.train.monitor_every else None,
        listener=listener,
        stop=stop,
    )
    return out


@no_trace()
def evaluate(
    protocols: Sequence[str],
    run: str | Path | Sequence[str | Path],
    data: str | Path | ClipSet,
    *,
    split: str,
    out: str | Path | None = None,
    overwrite: bool = True,
    untrained: bool = False,
    method: str | None = None,
    stream: str | None = None,
    overrides: Sequence[str] = (),
    precision: str = "fp32",
    seed: int = 0,
    device: str = "auto",
    listener: Callable[[list[Row]], None] = lambda rows: None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Row]:
    """Judges a frozen encoder by the named protocols.

    Args:
        protocols: names in `PROTOCOLS`.
        run: a run folder, a checkpoint folder, a hub name, or an official checkpoint file with
            `method`; an official one must have been trained on the layout of `data`. Several, of
            one stream each, are judged as one `ensemble.Ensemble`.
        data: a store or a ClipSet.
        split: the named split: train side to learn from, test side to judge.
        out: where the rows are written as JSON, each protocol's as it ends; the class scores of
            protocols that have any go beside it, see `scores`. A device or a pipe gets rows alone.
        overwrite: results that are there are replaced; otherwise they are refused. What is read,
            and what is no results, is never replaced.
        untrained: judge the same encoder with fresh weights (of `seed`) instead: the baseline to
            beat.
        method: whose official checkpoint `run` is.
        stream: of a run that trained several together (CrosSCLR): joint (None), motion, bone or
            "all" of them. With `method`, what the checkpoint was trained on; of several, one each,
            as "joint,motion,bone". Any other run knows its stream.
        overrides: `eval.key=value` for every protocol that takes it, `eval.linear.key=value` for
            one; with `method` also `data.normalize=name`, where it is not what its authors prepare
            such clips with (none: the store is prepared already).
        precision: fp32, or bf16 for features in mixed precision: faster where the device has it,
            and close, not equal. Training within a protocol is not touched.
        seed: of what the protocol draws; 0 to 2**63 - 1.
        device: auto, cpu or cuda.
        listener: called with the rows of each protocol as it ends.
        say: told in one line which normalisation is in use, and why.

    Returns:
        One row a number: protocol, metric, value in [0, 1], selection, and all that is needed to
        know what it is.

    Raises:
        InputError: an unknown protocol or precision, bad data (clips opened with another
            normalisation than the run's are), a run that cannot be read, or an `out` that must not
            be written.
        UnwrittenError: an OSError: the results could not be written; its `rows` holds them.

    Examples:
        >>> import skelf
        >>> from skelf.data.synthetic.clips import generate
        >>> clips = generate(clips=48)
        >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
        >>> run = skelf.pretrain("usdrl", clips, split="xview", out="judged", overrides=tiny)
        >>> rows = skelf.evaluate(["knn", "retrieval"], run, clips, split="xview", device="cpu")
        >>> [(row["protocol"], row["metric"], row["selection"]) for row in rows[:2]]
        [('knn', 'top1', 'none'), ('retrieval', 'precision@1', 'none')]
        >>> all(0 <= row["value"] <= 1 for row in rows)
        True
    """
    asked = _asked(protocols)
    _refuse_seed(seed)
    if precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    device = choose_device(device, "--device")
    clips = _open(data)
    target = None if out is None else Path(out)
    if target is not None:  # now, not after minutes of work
        inputs = [*list_runs(run), *([clips.path] if clips.path else [])]
        check_results(target, asked, inputs, replace=overwrite)
    # A released file does not say how its data was prepared; a run does.
    named = [text for text in overrides if method and text.strip().startswith("data.normalize")]
    normalize = str(parse_override(named[-1])[1]) if named else AUTO
    encoder, described = judged_encoder(
        run, method, untrained, seed, skeleton=clips.skeleton, stream=stream, normalize=normalize
    )
    choice = Choice(described["data"]["normalize"], "as the run was trained")
    if method is not None:
        choice = choose_released(normalize, method, preparation(method), clips.skeleton)
    clips = _prepared(clips, choice.name)
    _refuse_channels(clips, encoder)
    say(str(choice))
    encode_in(encoder, precision)
    train, test = clips.split(split)
    if "detection" in asked:
        _note_rates(described["source"].get("fps"), test)
    rest = [text for text in overrides if text not in named]
    options = evaluation(asked, base=described.get("eval"), overrides=rest)
    folder = Path(list_runs(run)[0])
    keeps = not untrained and folder.is_dir() and is_text(folder)
    beside_run = folder / "features" if keeps else None
    shared = _shared(clips, split, encoder, described, untrained, seed)
    warn_of_unseen(asked, train, test)
    with (
        TemporaryDirectory() as scratch,  # the protocols share features in any case
        writing(target, test) as written,
    ):
        cache = beside_run or Path(scratch)
        for name, protocol in asked.items():
            began = time.perf_counter()
            outcome = protocol(
                encoder, train, test, options[name], seed=seed, device=device, cache=cache
            )
            seconds = round(time.perf_counter() - began, 3)
            config = shared["config"] | {"eval": flat(options[name])}
            definition = outcome.definition
            if isinstance(encoder, Ensemble):
                definition += f"; {encoder.describe()}"
            if precision != PRECISIONS[0]:
                definition += f"; features in {precision}"
            row = {"protocol": name, "definition": definition, **shared, "seconds": seconds}
            row |= {"config": config}
            rows = _rows(outcome, row)
            written.add(name, outcome, row, rows)
            listener(rows)
    return written.rows


def _describe(
    settings: Config, clips: ClipSet, stream: str, split: str | None, seed: int
) -> Settings:
    """The whole config of a run, as checkpoints carry it."""
    source: Settings = {"data": _name(clips), "digest": clips.digest(), "split": split}
    source |= {"seed": seed, "fps": [float(clips.fps.min()), float(clips.fps.max())]}
    if "synthetic" in clips.attributes:  # the model card warns
        source["synthetic"] = clips.attributes["synthetic"]
    return settings.to_dict() | {
        "input": input_of(settings, clips, stream),
        "source": source,
        "versions": _versions(),
    }


def _note_rates(trained: Sequence[float] | None, test: ClipSet) -> None:
    """Says that recordings have another rate than what the encoder was pretrained on."""
    if not trained:
        return  # a released file, or a run of before this was kept
    (low, high), judged = trained, (float(test.fps.min()), float(test.fps.max()))
    if judged[0] < 0.9 * low or judged[1] > 1.1 * high:
        before, now = (f"{a:g}" if a == b else f"{a:g} to {b:g}" for a, b in ((low, high), judged))
        warnings.warn(
            f"the encoder was pretrained on clips of {before} frames a second, {test} has {now}: "
            "windows of so many seconds are resized to the encoder's frames, so that they last as "
            "long as at any rate; with eval.unit=frames they do not",
            stacklevel=3,
        )


def _shared(
    clips: ClipSet,
    split: str,
    encoder: Encoder,
    described: Mapping[str, Value],
    untrained: bool,
    seed: int,
) -> Row:
    """What all rows of one evaluation say."""
    sections = ["method", "encoder", "views", "train", "data", "source"]
    sections += ["runs"] if "runs" in described else []
    return {
        "method": "untrained" if untrained else described["method"]["name"],
        "form": described["method"].get("form"),
        "encoder": described["encoder"]["name"],
        "stream": encoder.stream,
        "data": _name(clips),
        "split": split,
        "seed": seed if untrained else described["source"].get("seed"),
        "eval_seed": seed,
        "version": version("skelf"),
        "versions": _versions(),
        "config": {key: described.get(key) for key in sections},
    }


def _rows(outcome: Outcome, shared: Row) -> list[Row]:
    rows = []
    for key, value in outcome.values.items():
        metric, _, selection = key.rpartition(".")
        head = {"protocol": shared["protocol"], "metric": metric, "value": value}
        rows.append(head | {"selection": selection, "clips": outcome.clips} | shared)
    return rows


def _monitor(train: ClipSet, test: ClipSet | None) -> Callable[[Encoder], dict[str, float]]:
    """Weighted k-NN of the test side against the training side."""
    labelled = test is not None and len(np.unique(train.label[train.label >= 0])) > 1
    if test is None or not labelled or not (test.label >= 0).any():
        raise InputError(
            f"{train}: train.monitor_every needs a split with labelled clips on both sides; name "
            "one with --split, or set it to 0"
        )

    def read(encoder: Encoder) -> dict[str, float]:
        device = next(encoder.parameters()).device
        f = extract_splits(encoder, train, test, device=str(device))
        gallery, labels = f.train.to(device), f.train_labels.to(device)
        scores = knn_scores(gallery, labels, f.test.to(device), f.classes)
        return {"knn_top1": topk_accuracy(scores.cpu(), f.test_labels)}

    return read


def _open(data: str | Path | ClipSet) -> ClipSet:
    return data if isinstance(data, ClipSet) else ClipSet.open(located(data))


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


def _prepared(clips: ClipSet, normalize: str) -> ClipSet:
    try:
        return normalized(clips, normalize)
    except InputError as error:
        raise InputError(f"data.normalize: {error}") from None


def _asked(protocols: Sequence[str]) -> dict[str, Callable[..., Outcome]]:
    if not protocols:
        raise InputError(f"no protocol is named; known: {', '.join(PROTOCOLS)}")
    for name in protocols:
        if name not in PROTOCOLS:
            raise unknown("protocol", name, PROTOCOLS)
        if list(protocols).count(name) > 1:
            raise InputError(f"protocol {name!r} is named twice; name each once")
    return {name: PROTOCOLS[name] for name in protocols}


def _refuse_seed(seed: int) -> None:
    if not 0 <= seed < 2**63:
        raise InputError(f"seed: {seed}; use 0 to 2**63 - 1")


def _refuse_channels(clips: ClipSet, encoder: Encoder) -> None:
    taken = (encoder.in_channels, encoder.confidence)
    if (clips.channels, clips.confidence) != taken:
        input_, wanted = (
            f"{channels - scored} coordinates{' and a confidence' if scored else ''} a joint"
            for channels, scored in ((clips.channels, clips.confidence), taken)
        )
        raise InputError(
            f"{clips}: {input_}, the encoder takes {wanted}: use clips like those it was trained on"
        )


def _name(clips: ClipSet) -> str:
    return clips.path.stem if clips.path else str(clips)


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("skelf", "torch", "numpy", "lightning")}
