"""Detection: which action happens when in untrimmed recordings, by a linear head on every frame.

Code: github.com/JHang2020/Simple-Skeleton-Detection (no licence file), sources E8, and
github.com/wengwanjiang/FoundSkelModel (Apache-2.0), sources E7.

Windows of a recording go through the encoder, its dense features through the head, and the frame
probabilities of all windows are averaged; a rule makes intervals of them. `windows.py` lays windows
and finds the way back to frames, `dense.py` runs encoders over them, `recordings.py` judges.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..errors import InputError
from ..settings.options import option, options
from ._training import linear_head, seeded
from .dense import Reader
from .frame_heads import Lesson, Task, frozen, tuned
from .laying import Laying
from .outcome import Outcome
from .recipe import Recipe
from .recordings import CHOSEN_BY, recordings_of, untrimmed
from .rules import Rules, refuse_rates, refuse_strange
from .windows import Laid


@options("eval")
class Detection:
    """What trains, on which windows, and how intervals come of it.

    With `tune` the recipe counts windows, else frames; `batchnorm` is for `tune` alone.
    """

    tune: bool = option(False, "train a copy of the encoder with the head; false: the head alone")
    laying: Laying = option(Laying(), "where windows lie")
    recipe: Recipe = option(
        Recipe(epochs=60, milestones=(40,), nesterov=True), "how head and encoder train"
    )
    standardize: bool = option(
        False, "give each frozen feature mean 0 and deviation 1 over the training frames"
    )
    background_weight: float = option(
        1.0, "weight of background frames in the loss; 1 as released", gt=0
    )
    test_every: int = option(
        5, "epochs between checks on the test recordings; the last epoch is always checked", ge=1
    )
    rules: Rules = option(Rules(), "how frame probabilities become intervals")

    def check(self) -> None:
        """Refuses what does not go together."""
        if self.tune and self.standardize:
            raise ValueError(
                "standardize: fixed features have a mean and a deviation, those of eval.tune=true "
                "change; set one of them to false"
            )
        if not self.tune and (self.laying.jitter or self.laying.draws is not None):
            raise ValueError(
                "jitter, eval.draws: they belong to eval.tune=true; a frozen head learns from "
                "windows at fixed places"
            )
        times = {"window": 15.0, "stride": 15.0, "step": 2.0, "jitter": 2.0}
        refuse_strange(
            self.rules.unit,
            {key: (getattr(self.laying, key), most) for key, most in times.items()},
        )


def detection(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: Detection = Detection(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Mean average precision of the actions found in untrimmed recordings.

    Args:
        encoder: the encoder; comes back bit-equal, with `how.tune` too.
        train: recordings with segments to learn from; clips that are cut are left out.
        test: recordings with segments to be judged by, likewise.
        how: the options.
        seed: of the head's weights, the order of frames, the places of windows, dropout.
        device: where to compute; frozen features stay in the computer's memory.
        cache: not used: the features of every frame are kept in memory and not in a file.

    Returns:
        For `last` and `best_on_test` (the check with the highest `map_a_voc@0.5`, of equal ones the
        later): `map_a_voc@0.5`, `map_a_pku@0.5`, `map_v_voc@0.5`, `map_v_pku@0.5` and those of the
        other overlaps; `frame_accuracy`, `edit`, `f1@10`, `f1@25`, `f1@50`. `Outcome.recordings`
        holds the frame probabilities; there are no scores of clips.

    Raises:
        InputError: recordings without segments or without a rate, another joint layout or
            normalisation, features that memory cannot hold, or a training that diverged.

    Source: the released linear detection of HiCLR and PCM3 (sources E8): SGD with Nesterov momentum
    0.9, rate 0.01 divided by 10 after 40 of 60 epochs, batch 64, check every 5 epochs. differs:
    times are seconds (`eval.unit=frames` counts frames as there), windows overlap (as in the
    earlier release), a frozen encoder runs in evaluation mode (there its input BatchNorm takes
    batch statistics), smoothing does not see the padding, and intervals grow by our reading of the
    earlier rule. `docs/detection.md` has the settings of each release.
    """
    train, test = with_segments(train, "training"), with_segments(test, "test")
    for part in (train, test):
        refuse_rates(part.fps, how.rules.unit, str(part))
    classes = max(len(train.class_names), len(test.class_names))
    head, lesson = lesson_of(encoder, train, how, classes, seed=seed, device=device)
    laid = how.laying.laid(test.fps, how.rules.unit)
    task = Task(lesson, reader_of(encoder, test, how.laying, laid, device), laid)
    checks = (
        tuned(encoder, head, task)
        if how.tune
        else frozen(encoder, head, task, standardize=how.standardize)
    )
    judged = recordings_of(train, test, how.rules)
    by_selection: dict[str, np.ndarray] = {}
    highest = -1.0
    with seeded(seed, device):
        for probabilities in checks:
            by_selection["last"] = probabilities
            reached = judged._replace(probabilities=by_selection).headline("last")
            if reached >= highest:
                highest, by_selection["best_on_test"] = reached, probabilities
    judged = judged._replace(probabilities=by_selection)
    values, no_labels = judged.values(), np.empty(0, np.int64)
    definition = _definition(how, task.judged.normalize, judged.describe())
    return Outcome(values, None, no_labels, definition, recordings=judged)


def lesson_of(
    encoder: Encoder,
    train: ClipSet,
    how: Detection,
    classes: int,
    *,
    seed: int,
    device: str | torch.device,
) -> tuple[nn.Linear, Lesson]:
    """A new head, and what it is to learn from."""
    generator = torch.Generator().manual_seed(seed)
    head = linear_head(encoder.dim, classes + 1, generator).to(device)
    weight = torch.ones(classes + 1, device=device)
    weight[0] = how.background_weight
    laid = how.laying.laid(train.fps, how.rules.unit)
    reader = reader_of(encoder, train, how.laying, laid, device)
    draws, recipe, every = how.laying.draws, how.recipe, how.test_every
    return head, Lesson(reader, laid, draws, recipe, every, weight, seed)


def reader_of(
    encoder: Encoder,
    recordings: ClipSet,
    laying: Laying,
    laid: Laid,
    device: str | torch.device,
) -> Reader:
    """What reads windows that are laid so."""
    return Reader(
        encoder,
        recordings,
        device,
        normalize_on=laying.normalize_on,
        centred=laying.windows == "centred",
        step=laid.step,
        window=laid.window,
    )


def with_segments(clips: ClipSet, side: str) -> ClipSet:
    """The recordings of a set; clips that are cut are left out.

    Raises:
        InputError: there are no segments.
    """
    if not len(clips.segments):
        raise InputError(
            f"{clips}: segments: the {side} split has none: detection needs untrimmed "
            "recordings and their segments; clips that are cut are for linear or finetune"
        )
    chosen = untrimmed(clips)
    return clips if chosen.all() else clips.take(chosen)


def _definition(how: Detection, normalize: str, judged: str) -> str:
    recipe = how.recipe
    drops = ", ".join(str(m) for m in recipe.milestones)
    features = "frozen standardized" if how.standardize else "fine-tuned" if how.tune else "frozen"
    head = "" if recipe.head_lr is None else f" (head {recipe.head_lr:g})"
    clipped = f", gradient norm up to {recipe.clip_norm:g}" if recipe.clip_norm else ""
    official = (
        "; pku_official = pku with ties to the last and every class and recording in the mean"
        if how.rules.pku_official
        else ""
    )
    return (
        f"actions found in untrimmed recordings by a linear head on {features} features: "
        f"{how.laying.describe(how.rules.unit)} ({normalize}, steps that move frames left out); "
        f"cross-entropy over frames, background weighted {how.background_weight:g}, SGD momentum "
        f"{recipe.momentum:g}{' (Nesterov)' if recipe.nesterov else ''}, weight decay "
        f"{recipe.weight_decay:g}, batch {recipe.batch_size} {'windows' if how.tune else 'frames'}"
        f", lr {recipe.lr:g}{head} times {recipe.gamma:g} after epochs ({drops}), {recipe.epochs} "
        f"epochs{clipped}"
        f"{f', BatchNorm {recipe.batchnorm}' if how.tune else ''}; {judged}; map_a = "
        "mean AP over classes, map_v over recordings, voc = area under the precision envelope, one "
        "detection a segment, pku = PKU-MMD's, segments shared, @ = tIoU"
        f"{official}; frame_accuracy "
        "of all frames, edit and f1 without background; last = after the last epoch, best_on_test ="
        f" highest {CHOSEN_BY} of the checks every {how.test_every} epochs and the last"
    )
