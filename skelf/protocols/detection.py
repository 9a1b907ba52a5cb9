"""Detection: which action happens when in untrimmed recordings, by a linear head on every frame.

Code: github.com/JHang2020/Simple-Skeleton-Detection (no licence file), sources E8, and
github.com/wengwanjiang/FoundSkelModel (Apache-2.0), sources E7.

Windows of a recording go through the encoder, its dense features through the head, and the frame
probabilities of all windows are averaged; a rule makes intervals of them. `windows.py` lays windows
and finds the way back to frames, `dense.py` runs encoders over them, `recordings.py` judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from ..data.clips import ClipSet
from ..errors import InputError
from ..settings.evaluation import SKIP
from ..settings.signature import arguments
from ._training import BatchNorm, Recipe, linear_head, seeded
from .dense import NormalizeOn, Reader
from .frame_heads import Laying, Task, frozen, tuned
from .linear import Count
from .outcome import Outcome
from .recordings import CHOSEN_BY, Proposing, Recordings, Rules, Smoothing, untrimmed
from .windows import Way


def run(
    encoder: nn.Module,
    train: ClipSet,
    test: ClipSet,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
    tune: bool = False,
    windows: Way = "overlap",
    window: Count = 64,
    stride: Count | None = None,
    step: Count = 1,
    jitter: Annotated[int, Field(ge=0)] = 0,
    draws: Count | None = None,
    normalize_on: NormalizeOn = "window",
    epochs: Count = 60,
    lr: Annotated[float, Field(gt=0)] = 0.01,
    head_lr: Annotated[float, Field(gt=0)] | None = None,
    batch_size: Count = 64,
    milestones: Sequence[Count] = (40,),
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
    nesterov: bool = True,
    weight_decay: Annotated[float, Field(ge=0)] = 0.0,
    clip_norm: Annotated[float, Field(ge=0)] = 0.0,
    batchnorm: BatchNorm = "update",
    standardize: bool = False,
    background_weight: Annotated[float, Field(gt=0)] = 1.0,
    test_every: Count = 5,
    smoothing: Annotated[int, Field(ge=0)] = 10,
    smoothing_form: Smoothing = "centred",
    proposals: Proposing = "growing",
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None,
    nms: Annotated[float, Field(ge=0, le=1)] = 0.0,
    tious: Sequence[Annotated[float, Field(gt=0, le=1)]] = (
        *(0.1, 0.2, 0.3, 0.4, 0.5),
        *(0.6, 0.7, 0.8, 0.9),
    ),
) -> Outcome:
    """Mean average precision of the actions found in untrimmed recordings.

    Args:
        encoder: the encoder; comes back bit-equal, with `tune` too.
        train: recordings with segments to learn from; clips that are cut are left out.
        test: recordings with segments to be judged by, likewise.
        seed: of the head's weights, the order of frames, the places of windows, dropout.
        device: where to compute; frozen features stay in the computer's memory.
        cache: not used: the features of every frame are kept in memory and not in a file.
        tune: train a copy of the whole encoder with the head; False: the head alone, on frozen
            features.
        windows: "overlap": the probabilities of windows that overlap are averaged frame by frame.
            "disjoint": side by side (USDRL as released). "centred": every frame has a window of its
            own around it, and the clip's vector, which of PCM3's causal GRU is the last step, is
            classified (HiCLR and PCM3 as released, with `step` 4).
        window: frames of the recording that one window covers; it is resized to the encoder's
            frames, and what the encoder says of them back to the recording's. A shorter recording
            is one window.
        stride: frames between windows of "overlap"; None: half a window. Of "centred" windows those
            between the frames that a frozen head learns from; None: `step`. Every test frame has
            its window.
        step: of a "centred" window every `step`-th frame is read. A GRU takes what is left as it
            is, as released; for other encoders it is resized to their frames.
        jitter: with `tune` and "centred", each batch reads every d-th frame, d drawn from
            `step - jitter` to `step + jitter`, of windows as much longer or shorter (released: 1,
            drawn for each clip).
        draws: with `tune`, windows at random places that an epoch takes from each recording
            (released: 16). None: as many as cover it.
        normalize_on: "window": a window is normalised by itself, like the clip that the encoder was
            pretrained on, so that somebody who walked away is centred anew; "recording": the
            recording as a whole, before it is cut. Steps that treat each frame alone, such as root
            and facing-frames, give the same by both.
        epochs: passes over the training frames (with `tune`, windows).
        lr: learning rate.
        head_lr: learning rate of the head; None: `lr`.
        batch_size: frames a step (with `tune`, windows); the last batch of an epoch may be smaller.
        milestones: epochs after which the rates are multiplied by `gamma`.
        gamma: see `milestones`.
        momentum: of SGD.
        nesterov: Nesterov's form of the momentum.
        weight_decay: of SGD.
        clip_norm: largest L2 norm of the gradient of all weights together; 0: no limit.
        batchnorm: with `tune`, what the encoder does while it trains: "update" takes batch
            statistics, "frozen" its own, "eval" is evaluation mode (USDRL as released).
        standardize: give each frozen feature mean 0 and deviation 1 over the training frames.
        background_weight: weight of background frames in the loss; 1 as released.
        test_every: epochs between checks on the test recordings; the last epoch is always checked.
        smoothing: frames on either side that a frame's probabilities are averaged with; 0: none.
        smoothing_form: "official": the released mean over padded recordings.
        proposals: "growing": intervals of the likeliest class that grow over short breaks (HiCLR
            and PCM3, earlier). "background": wherever it is not background one interval, of the
            likeliest class (HiCLR and PCM3, later); actions without a long pause between them
            become one. "class": for each class wherever it is above a low threshold (USDRL).
        threshold: of the rule; None: 0.4 for "background", 0.02 for "class", and for "growing" a
            hit rate of 0.1.
        nms: of two detections that overlap by more, whatever their classes, the weaker goes; 0:
            none does. Only the rule "class" makes any that overlap.
        tious: overlaps in time that count as found; 0.5 is always among them.

    Returns:
        For `last` and `best_on_test` (the check with the highest `map_a_voc@0.5`, of equal ones the
        later): `map_a_voc@0.5`, `map_a_pku@0.5`, `map_v_voc@0.5`, `map_v_pku@0.5` and those of the
        other overlaps; `frame_accuracy`, `edit`, `f1@10`, `f1@25`, `f1@50`. `Outcome.recordings`
        holds the frame probabilities; there are no scores of clips.

    Raises:
        InputError: recordings without segments, another joint layout, a normalisation that moves
            frames, options that do not go together, features that memory cannot hold, or a
            training that diverged.

    Source: the released linear detection of HiCLR and PCM3 (sources E8): SGD with Nesterov momentum
    0.9, rate 0.01 divided by 10 after 40 of 60 epochs, batch 64, check every 5 epochs. differs:
    windows overlap (as in the earlier release), a frozen encoder runs in evaluation mode (there its
    input BatchNorm takes batch statistics), smoothing does not see the padding, and intervals grow
    by the earlier rule. `docs/detection.md` has the settings of each release.
    """
    recipe = Recipe(
        epochs, lr, batch_size, milestones, gamma, momentum, weight_decay, test_every, head_lr,
        nesterov, clip_norm, batchnorm,
    )  # fmt: skip
    rules = Rules(smoothing, smoothing_form, proposals, threshold, nms, tious)
    between = (step if windows == "centred" else max(1, window // 2)) if stride is None else stride
    laying = Laying(windows, window, between, step, jitter, draws, normalize_on)
    # A call from Python is held to the same ranges as a settings file.
    given = {**recipe._asdict(), **rules._asdict(), **laying._asdict(), "tune": tune}
    given |= {"standardize": standardize, "background_weight": background_weight}
    arguments(run, given, section="eval", source="", skip=SKIP)
    rules = rules._replace(tious=tuple(float(tiou) for tiou in tious))
    _refuse_options(laying, tune, standardize)
    if stride is not None and windows == "disjoint":
        raise InputError(
            "eval.stride: disjoint windows lie side by side; set eval.window, or take "
            "eval.windows=overlap"
        )
    train, test = _recordings(train, "training"), _recordings(test, "test")

    contract: Any = encoder
    classes = max(len(train.class_names), len(test.class_names))
    generator = torch.Generator().manual_seed(seed)
    head = linear_head(int(contract.dim), classes + 1, generator).to(device)
    weight = torch.ones(classes + 1, device=device)
    weight[0] = background_weight
    learned, against = (_reader(encoder, part, laying, device) for part in (train, test))
    task = Task(learned, against, laying, recipe, weight, seed)
    checks = (
        tuned(encoder, head, task) if tune else frozen(encoder, head, task, standardize=standardize)
    )
    judged = Recordings(test.length, {}, test.segments, rules)
    kept: dict[str, np.ndarray] = {}
    highest = -1.0
    with seeded(seed, device):
        for probabilities in checks:
            kept["last"] = probabilities
            reached = judged._replace(probabilities=kept).headline("last")
            if reached >= highest:
                highest, kept["best_on_test"] = reached, probabilities
    judged = judged._replace(probabilities=kept)
    said = _definition(laying, recipe, rules, tune, standardize, background_weight)
    return Outcome(judged.values(), None, np.empty(0, np.int64), said, recordings=judged)


def _reader(
    encoder: nn.Module, recordings: ClipSet, laying: Laying, device: str | torch.device
) -> Reader:
    return Reader(
        encoder,
        recordings,
        device,
        normalize_on=laying.normalize_on,
        centred=laying.windows == "centred",
        step=laying.step,
        window=laying.window,
    )


def _refuse_options(laying: Laying, tune: bool, standardize: bool) -> None:
    if tune and standardize:
        raise InputError(
            "eval.standardize: fixed features have a mean and a deviation, those of eval.tune=true "
            "change; set one of them to false"
        )
    if not tune and (laying.jitter or laying.draws is not None):
        raise InputError(
            "eval.jitter, eval.draws: they belong to eval.tune=true; a frozen head learns from "
            "windows at fixed places"
        )
    if laying.windows != "centred" and (laying.step > 1 or laying.jitter):
        raise InputError(
            "eval.step, eval.jitter: they belong to eval.windows=centred; every frame of other "
            "windows is read"
        )
    if laying.step <= laying.jitter or laying.step + laying.jitter > laying.window:
        raise InputError(
            f"eval.step: {laying.step} with eval.jitter={laying.jitter} and windows of "
            f"{laying.window} frames: a step lies in 1..window and above the jitter"
        )


def _recordings(clips: ClipSet, side: str) -> ClipSet:
    if not len(clips.segments):
        raise InputError(
            f"{clips}: segments: the {side} split has none: detection needs untrimmed "
            "recordings and their segments; clips that are cut are for linear or finetune"
        )
    chosen = untrimmed(clips)
    return clips if chosen.all() else clips.take(chosen)


def _definition(
    laying: Laying,
    recipe: Recipe,
    rules: Rules,
    tune: bool,
    standardize: bool,
    background_weight: float,
) -> str:
    drops = ", ".join(str(m) for m in recipe.milestones)
    features = "frozen standardized" if standardize else "fine-tuned" if tune else "frozen"
    where = {
        "overlap": f"every {laying.stride} frames, probabilities averaged where they overlap",
        "disjoint": "side by side",
        "centred": f"around each frame, one in {laying.step} frames read, the clip vector taken",
    }[laying.windows]
    drawn = f", jitter {laying.jitter}" if laying.jitter else ""
    head = "" if recipe.head_lr is None else f" (head {recipe.head_lr:g})"
    clipped = f", gradient norm up to {recipe.clip_norm:g}" if recipe.clip_norm else ""
    return (
        f"actions found in untrimmed recordings by a linear head on {features} features: windows "
        f"of {laying.window} frames {where}{drawn}, normalised by {laying.normalize_on}; "
        f"cross-entropy over frames, background weighted {background_weight:g}, SGD momentum "
        f"{recipe.momentum:g}{' (Nesterov)' if recipe.nesterov else ''}, weight decay "
        f"{recipe.weight_decay:g}, batch {recipe.batch_size} {'windows' if tune else 'frames'}, lr "
        f"{recipe.lr:g}{head} times {recipe.gamma:g} after epochs ({drops}), {recipe.epochs} "
        f"epochs{clipped}"
        f"{f', BatchNorm {recipe.batchnorm}' if tune else ''}; {rules.describe()}; map_a = mean AP "
        "over classes, map_v over recordings, voc = area under the precision envelope, one "
        "detection a segment, pku = PKU-MMD's, segments shared, @ = tIoU; frame_accuracy "
        "of all frames, edit and f1 without background; last = after the last epoch, best_on_test ="
        f" highest {CHOSEN_BY} of the checks every {recipe.test_every} epochs and the last"
    )
