"""`fit_classifier`: from a run and labelled clips to a model that answers what is in a clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from torch import nn

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..errors import InputError
from ..machine.devices import choose_device
from ..machine.guest import no_trace
from ..opening import opened, refuse_seed
from ..protocols.features import extract
from ..protocols.finetune import Tuning
from ..protocols.fitting import fitting, suited
from ..runs.load import Run, judged_encoder, list_runs
from ..settings.options import option, options
from ..settings.ranges import NotEmpty
from ..settings.values import Settings
from .adapt import adapted
from .choosing import expected, unknown_below
from .estimator import FewLabelClassifier
from .folds import folds
from .heads import Linear
from .learnt import learnt_from, needs_from
from .model import Model, assembled
from .needs import needs_of
from .tune import tuned

Head = Literal["prototype", "logistic", "neighbours"]


@options("fit")
class FitClassifier:
    """How the head is chosen, or how the encoder trains with `--tune`.

    The answer of the cross-validation is written into the model: the accuracy to be expected, the
    temperature of its probabilities, and the threshold below which it says "unknown".
    """

    heads: Annotated[tuple[Head, ...], NotEmpty()] = option(
        ("logistic", "prototype", "neighbours"), "which kinds to choose among; of equals the first"
    )
    folds: int = option(5, "parts that are held out in turn, by person where they are known", ge=2)
    lost: float = option(
        0.05, 'share of the right answers that may be lost to "unknown"', ge=0, lt=1
    )
    most: int = option(2000, "labelled clips that cross-validation takes at most", ge=10)
    tune_folds: int = option(3, "with --tune: parts that are held out in turn", ge=2)
    tuning: Tuning = option(Tuning(), "with --tune: how a copy of the encoder trains")


@no_trace()
def fit_classifier(
    run: Run | Sequence[Run],
    data: str | Path | ClipSet,
    *,
    split: str | None = None,
    tune: bool = False,
    how: FitClassifier = FitClassifier(),
    stream: str | None = None,
    seed: int = 0,
    device: str = "auto",
    say: Callable[[str], None] = lambda text: None,
    step: Callable[[int, int], None] = lambda done, total: None,
) -> Model:
    """A model that says what is in a clip, learnt from few labels as from many.

    Args:
        run: a run, a checkpoint folder or a hub name.
        data: a store or a ClipSet; clips without a label are left out.
        split: learn from its training side alone; None: from all labelled clips.
        tune: train a copy of the encoder with the labels, instead of a head on frozen features.
        how: the options.
        stream: of a run that trained several.
        seed: of folds and draws.
        device: auto, cpu or cuda.
        say: told in a line each what is changed of the clips, and what is not known.
        step: called with what is done and all.

    Returns:
        The model; `Model.save` writes its folder. Its `about.expected` has the cross-validated
        accuracy with its 95 % interval, that of each class, and the calibration error.

    Raises:
        InputError: a run that cannot be read, several of them, no labelled clips, a single class,
            clips that the encoder cannot take, or a training that diverged.

    Examples:
        >>> import skelf
        >>> from skelf.data.synthetic.clips import generate
        >>> clips = generate(clips=48)
        >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
        >>> run = skelf.pretrain("usdrl", clips, out="to_fit", overrides=tiny)
        >>> model = skelf.fit_classifier(run, clips)
        >>> model.kind, len(model.class_names), 0 <= model.about.expected["accuracy"] <= 1
        ('classifier', 12, True)
        >>> skelf.load_model(model.save("fitted")).class_names == model.class_names
        True
    """
    refuse_seed(seed)
    computed_on = choose_device(device, "--device")
    for each in list_runs(run):
        if Path(each).is_file():
            raise InputError(
                f"{each}: a file, and a model is fitted on a run; start one from a released file: "
                f"skelf pretrain METHOD --init {each} --data STORE --out RUN"
            )
    encoder, described = judged_encoder(run, None, False, seed, stream=stream)
    whole = opened(data)
    clips = whole if split is None else whole.split(split)[0]
    clips, names = _labelled(clips, say)
    encoder = suited(encoder, clips)
    about: Settings = {"kind": "classifier", "class_names": names}
    # What it refuses, it refuses now.
    assembled(encoder, Linear(dim=encoder.dim, classes=len(names)), described, **about)
    clips = fitting(encoder, adapted(clips, needs_of(encoder, described), say=say))
    groups, by = people(clips)
    few = int(np.bincount(clips.label).min())
    fit = _tuned if tune else _frozen
    fitted = fit(encoder, clips, names, groups, how, seed, computed_on, step)
    if fitted.expected is not None:
        fitted.expected["by"] = by
    for line in _doubts(fitted.expected, few, groups, names):
        say(line)
    return assembled(
        fitted.encoder,
        fitted.head,
        described,
        **about,
        temperature=fitted.temperature,
        unknown_below=fitted.unknown_below,
        expected=fitted.expected,
        needs=needs_from(clips),
        learnt_from=learnt_from(
            whole,
            clips,
            split,
            seed,
            how=fitted.how,
            clips=len(clips),
            clips_of_a_class=np.bincount(clips.label).tolist(),
        ),
    )


class _Fitted(NamedTuple):
    encoder: Encoder
    head: nn.Module
    temperature: float
    unknown_below: float
    expected: Settings | None
    how: str


def _frozen(
    encoder: Encoder,
    clips: ClipSet,
    names: tuple[str, ...],
    groups: np.ndarray | None,
    how: FitClassifier,
    seed: int,
    device: str,
    step: Callable[[int, int], None],
) -> _Fitted:
    x = extract(encoder, clips, device=device).numpy()
    few = FewLabelClassifier(how.heads, how.folds, how.lost, how.most, random_state=seed % 2**32)
    few.fit(x, clips.label, groups, step)
    told = few.expected_
    if told is not None:  # by names instead of numbers
        told["per_class"] = dict(zip(names, told["per_class"].values(), strict=True))
        told["how"] = (
            f"nested cross-validation in up to {how.folds} folds over {told['clips']} clips: head, "
            "temperature and choice of each fold without its clips"
        )
    return _Fitted(
        encoder, few.head_, few.temperature_, few.unknown_below_, told,
        f"{few.choice_} on frozen features",
    )  # fmt: skip


def _tuned(
    encoder: Encoder,
    clips: ClipSet,
    names: tuple[str, ...],
    groups: np.ndarray | None,
    how: FitClassifier,
    seed: int,
    device: str,
    step: Callable[[int, int], None],
) -> _Fitted:
    parts = folds(clips.label, groups, how.tune_folds, seed % 2**32)
    try:
        done = tuned(
            encoder, clips, len(names), parts, how.tuning, seed=seed, device=device, step=step
        )
    except InputError as error:  # the protocol's own options call their keys eval.*
        raise InputError(str(error).replace("eval.", "fit.")) from None
    told, temperature, below = None, 1.0, 0.0
    if done.chosen is not None:
        temperature = done.chosen.temperature
        below = unknown_below(done.chosen, clips.label, how.lost)
    if done.held is not None:
        told = expected(done.held, clips.label, groups, names, below)
        told["how"] = (
            f"cross-validation in {len(parts)} folds over {told['clips']} clips: encoder and head "
            "of each fold trained without its clips, its temperature by the other folds"
        )
    return _Fitted(done.encoder, done.head, temperature, below, told, "fine-tuned encoder")


def _labelled(clips: ClipSet, say: Callable[[str], None]) -> tuple[ClipSet, tuple[str, ...]]:
    """The labelled clips, their labels counted from 0 without gaps, and the classes' names."""
    known = np.flatnonzero(clips.label >= 0)
    if not len(known):
        raise InputError(
            f"{clips}: none of the {len(clips)} clips has a label; import the labels, or choose "
            "another split"
        )
    if len(known) < len(clips):
        say(f"{len(clips) - len(known)} clips without a label are left out")
    clips = clips.take(known)
    present, label = np.unique(clips.label, return_inverse=True)
    highest = max(len(clips.class_names), int(present[-1]) + 1)
    every = [*clips.class_names, *(f"class {k}" for k in range(len(clips.class_names), highest))]
    names = tuple(every[k] for k in present)
    if len(names) < 2:
        raise InputError(
            f"{clips}: all labelled clips are of one class ({names[0]!r}), and two are needed to "
            "tell apart: label clips of another one, of anything else that people do for example"
        )
    if missing := [name for k, name in enumerate(clips.class_names) if k not in present]:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        say(f"{len(missing)} classes without a labelled clip are none of the model's: {shown}")
    return replace(clips, label=label.astype(np.int64), class_names=names), names


def people(clips: ClipSet) -> tuple[np.ndarray | None, str]:
    """Whose clip each is `(N,)`, or which recording's where that is not known; and which it is.

    None where that tells nothing: all are of one, or each is of one of its own.
    """
    known = clips.subject >= 0
    keys = np.where(known, np.char.add("subject ", clips.subject.astype(str)), clips.name)
    count = len(np.unique(keys))
    by = "subject" if known.all() else "recording" if not known.any() else "subject or recording"
    if count == 1:
        return None, f"clip (all are of one {by})"
    if count == len(clips):
        return None, "clip"
    return np.unique(keys, return_inverse=True)[1], by


def _doubts(
    told: Settings | None, few: int, groups: np.ndarray | None, names: tuple[str, ...]
) -> list[str]:
    """What is not known of a model, in words."""
    lines = []
    if told is None:
        lines.append(
            f"{few} labelled clip{'s' * (few > 1)} of some class: none could be held out, so how "
            "often the model is right is not known, nor do its probabilities mean anything; two "
            "clips a class from two people or more would say"
        )
        return lines
    if lacking := [name for name in names if told["per_class"][name] is None]:
        lines.append(f"no clip could be held out of {', '.join(lacking)}: label more of them")
    if groups is None:
        lines.append(
            f"held out by {told['by']}: how well it does on other people is not known, and may be "
            "worse; label clips of two people or more, with their subject in the store"
        )
    return lines
