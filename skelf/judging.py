"""`evaluate`: a frozen encoder by any protocols, and what its rows say."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from .contracts import Encoder
from .data.clips import ClipSet
from .data.normalize_default import AUTO, Choice, choose_released
from .encoders.ensemble import Ensemble, joined
from .errors import InputError, unknown
from .files import is_text
from .machine.devices import choose_device
from .machine.guest import no_trace
from .opening import name_of, opened, prepared, refuse_seed, versions
from .protocols import PROTOCOLS
from .protocols.features import PRECISIONS, encode_in
from .protocols.fitting import suited
from .protocols.outcome import Outcome
from .protocols.settling import settle, settle_kernels
from .results.archive import Row
from .results.unseen import SEGMENTED, warn_of_unseen
from .results.written import check_results, writing
from .runs.build import preparation
from .runs.load import judged_encoder, list_runs
from .runs.plain import is_plain, plain_encoder, refuse_with_plain
from .settings.evaluation import evaluation
from .settings.given import parse_override
from .settings.options import flat
from .settings.values import Settings, Value
from .skeleton import Skeleton


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
            one stream each, are judged as one `ensemble.Ensemble`. "joints": no encoder, the joints
            and their velocities (`encoders.joints`); "kernels": fixed ones (`encoders.kernels`).
        data: a store or a ClipSet.
        split: the named split: train side to learn from, test side to judge.
        out: where the rows are written as JSON, each protocol's as it ends; the class scores of
            protocols that have any go beside it, see `scores`. A device or a pipe gets rows alone.
        overwrite: results that are there are replaced; otherwise they are refused. What is read,
            and what is no results, is never replaced.
        untrained: judge the same encoder with the fresh weights of the run's seed instead: the
            baseline to beat. BatchNorm has statistics of training clips, see `settling.settle`.
        method: whose official checkpoint `run` is.
        stream: of a run that trained several together (CrosSCLR): joint (None), motion, bone or
            "all" of them. With `method`, what the checkpoint was trained on; of several, one each,
            as "joint,motion,bone". Any other run knows its stream.
        overrides: `eval.key=value` for every protocol that takes it, `eval.linear.key=value` for
            one; with `method` also `data.normalize=name`, where it is not what its authors prepare
            such clips with (none: the store is prepared already), and with "joints".
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
    refuse_seed(seed)
    if precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    device = choose_device(device, "--device")
    clips = opened(data)
    target = None if out is None else Path(out)
    if target is not None:  # now, not after minutes of work
        inputs = [*list_runs(run), *([clips.path] if clips.path else [])]
        check_results(target, asked, inputs, replace=overwrite)
    plain = is_plain(list_runs(run))
    # A released file does not say how its data was prepared, nor do joints; a run does.
    asks = method is not None or plain
    named = [text for text in overrides if asks and text.strip().startswith("data.normalize")]
    normalize = str(parse_override(named[-1])[1]) if named else AUTO
    if plain:
        name = str(list_runs(run)[0])
        refuse_with_plain(name, method=method, stream=stream, untrained=untrained)
        encoder, described, choice = plain_encoder(clips, normalize, name, seed)
    else:
        encoder, described, choice = _of_run(
            run, method, untrained, clips.skeleton, stream, normalize
        )
    trained_on, encoder = encoder.skeleton, suited(encoder, clips)
    clips = prepared(clips, choice.name)
    _refuse_channels(clips, encoder)
    train, test = clips.split(split)
    counted = settle(encoder, train, device) if untrained else 0
    thresholds = settle_kernels(encoder, train, device) if plain else 0
    encode_in(encoder, precision)
    if any(name in SEGMENTED for name in asked):
        _note_rates(described["source"].get("fps"), test)
    rest = [text for text in overrides if text not in named]
    options = evaluation(asked, base=described.get("eval"), overrides=rest)
    folder = Path(list_runs(run)[0])
    keeps = not untrained and not plain and folder.is_dir() and is_text(folder)
    beside_run = folder / "features" if keeps else None
    shared = _shared(clips, split, encoder, described, untrained, seed)
    say(str(choice))
    if encoder.skeleton != trained_on:
        say(f"Joints: {clips.skeleton.name}, by their names (trained on {trained_on.name})")
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
            definition = _defined(outcome, encoder, precision, counted, thresholds)
            row = {"protocol": name, "definition": definition, **shared, "seconds": seconds}
            row |= {"config": config}
            rows = _rows(outcome, row)
            written.add(name, outcome, row, rows)
            listener(rows)
    return written.rows


def _of_run(
    run: str | Path | Sequence[str | Path],
    method: str | None,
    untrained: bool,
    skeleton: Skeleton,
    stream: str | None,
    normalize: str,
) -> tuple[Encoder, Settings, Choice]:
    """The encoder that is judged, its config, and the normalisation of its clips."""
    encoder, described = judged_encoder(
        run, method, untrained, None, skeleton=skeleton, stream=stream, normalize=normalize
    )
    if method is not None:
        choice = choose_released(normalize, method, preparation(method), skeleton)
        return encoder, described, choice
    return encoder, described, Choice(described["data"]["normalize"], "as the run was trained")


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
        "stream": joined(getattr(encoder, "streams", (encoder.stream,))),
        "data": name_of(clips),
        "split": split,
        "seed": described["source"].get("seed"),
        "eval_seed": seed,
        "version": version("skelf"),
        "versions": versions(),
        "config": {key: described.get(key) for key in sections},
    }


def _defined(
    outcome: Outcome, encoder: Encoder, precision: str, counted: int, thresholds: int
) -> str:
    """The protocol's definition, and what else its numbers are of."""
    definition = outcome.definition
    if isinstance(encoder, Ensemble):
        definition += f"; {encoder.describe()}"
    if counted:
        definition += f"; untrained, with BatchNorm's statistics of {counted} training clips"
    if thresholds:
        definition += f"; {encoder.dim} features of fixed kernels, thresholds of {thresholds} "
        definition += "training clips"
    if precision != PRECISIONS[0]:
        definition += f"; features in {precision}"
    return definition


def _rows(outcome: Outcome, shared: Row) -> list[Row]:
    rows = []
    for key, value in outcome.values.items():
        metric, _, selection = key.rpartition(".")
        head = {"protocol": shared["protocol"], "metric": metric, "value": value}
        rows.append(head | {"selection": selection, "clips": outcome.clips} | shared)
    return rows


def _asked(protocols: Sequence[str]) -> dict[str, Callable[..., Outcome]]:
    if not protocols:
        raise InputError(f"no protocol is named; known: {', '.join(PROTOCOLS)}")
    for name in protocols:
        if name not in PROTOCOLS:
            raise unknown("protocol", name, PROTOCOLS)
        if list(protocols).count(name) > 1:
            raise InputError(f"protocol {name!r} is named twice; name each once")
    return {name: PROTOCOLS[name] for name in protocols}


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
