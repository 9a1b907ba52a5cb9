"""Segmentation: which action happens when in untrimmed recordings, by a head that sees seconds.

Paper: Abu Farha and Gall, MS-TCN, CVPR 2019, sources E21: one stage of it on the encoder's frames.

Detection's linear head judges every frame by itself; this one reads whole recordings. What is found
is judged by the same rules and in the same numbers. `dilated.py` is the head, `recording_heads.py`
trains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..settings.options import option, options
from ..settings.ranges import Positive, Rate, Size
from ._training import seeded
from .detection import reader_of, with_segments
from .dilated import Dilated, layers_for
from .laying import Laying
from .outcome import Outcome
from .recipe import Annealed
from .recording_heads import Lesson, Side, frozen, tuned
from .recordings import CHOSEN_BY, recordings_of
from .rules import RELEASED_FPS, Rules, refuse_rates, refuse_strange

FIELD = 4.0
"""Seconds that the head sees on either side of a frame where nobody says."""


@options("eval")
class Segmentation:
    """What trains, how far the head sees, and how intervals come of it.

    The head works at `rate`, so that in recordings of several rates a layer looks as far in
    seconds; with `eval.unit=frames` at each recording's own frames.
    """

    tune: bool = option(False, "train a copy of the encoder with the head; false: the head alone")
    width: Size = option(64, "numbers a frame within the head")
    field: Positive | None = option(
        None, "time that the head sees on either side, or a little more; none: 4 s; 120 frames"
    )
    rate: Positive | None = option(
        None, "steps a second that the head works at; none: the training recordings' median rate"
    )
    dropout: Rate = option(0.5, "of the head's layers in training (MS-TCN: 0.5)")
    steady: float = option(
        0.15, "weight in the loss of changes from frame to frame (MS-TCN: 0.15)", ge=0
    )
    background_weight: float = option(
        1.0, "weight of background frames in the loss; 1 as released", gt=0
    )
    laying: Laying = option(Laying(), "where the windows lie that the encoder is given")
    recipe: Annealed = option(Annealed(), "how head and encoder train")
    test_every: int = option(
        5, "epochs between checks on the test recordings; the last epoch is always checked", ge=1
    )
    rules: Rules = option(Rules(), "how frame probabilities become intervals")

    def check(self) -> None:
        """Refuses what does not go together."""
        if self.laying.jitter or self.laying.draws is not None:
            raise ValueError(
                "jitter, eval.draws: they belong to the protocol detection; segmentation reads "
                "recordings as wholes"
            )
        if self.laying.windows == "centred" and (self.tune or self.laying.stride is not None):
            raise ValueError(
                "windows: centred ones give every frame a window of its own, which takes no "
                "eval.stride and is too many for eval.tune=true; take eval.windows=overlap"
            )
        if self.rules.unit == "frames" and self.rate is not None:
            raise ValueError(
                "rate: with eval.unit=frames the head works at each recording's own frames; leave "
                "it out, or count seconds"
            )
        times = {"window": 15.0, "stride": 15.0, "step": 2.0}
        own = {key: (getattr(self.laying, key), most) for key, most in times.items()}
        refuse_strange(self.rules.unit, own | {"field": (self.field, 120.0)})


def segmentation(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: Segmentation = Segmentation(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Detection's numbers of what a dilated head finds in untrimmed recordings.

    Args:
        encoder: the encoder; comes back bit-equal, with `how.tune` too.
        train: recordings with segments to learn from; clips that are cut are left out.
        test: recordings with segments to be judged by, likewise.
        how: the options.
        seed: of the head's weights, the order of recordings, the places of windows, dropout.
        device: where to compute; frozen features stay in the computer's memory.
        cache: not used: the features of every frame are kept in memory and not in a file.

    Returns:
        As of `detection`: `last`, and `best_on_test`, the check with the highest `map_a_voc@0.5`,
        of equal ones the later.

    Raises:
        InputError: recordings without segments or without a rate, another joint layout or
            normalisation, features that memory cannot hold, or a training that diverged.

    Source: one stage of MS-TCN and its losses (sources E21). differs: the field is seconds, AdamW
    with a falling rate, several recordings a step, features are standardised, and the encoder may
    train along. What is not MS-TCN's was chosen on training subjects, see `docs/segmentation.md`.
    """
    train, test = with_segments(train, "training"), with_segments(test, "test")
    for part in (train, test):
        refuse_rates(part.fps, how.rules.unit, str(part))
    classes = max(len(train.class_names), len(test.class_names))
    rate = rate_of(how, train)
    sides = [side_of(encoder, part, how, rate, device) for part in (train, test)]
    lesson = lesson_of(sides[0], how, classes, seed=seed, device=device)
    judged = recordings_of(train, test, how.rules)
    by_selection: dict[str, np.ndarray] = {}
    highest = -1.0
    with seeded(seed, device):
        head = new_head(encoder, how, rate, classes).to(device)
        checks = (tuned if how.tune else frozen)(encoder, head, lesson, sides[1])
        for probabilities in checks:
            by_selection["last"] = probabilities
            reached = judged._replace(probabilities=by_selection).headline("last")
            if reached >= highest:
                highest, by_selection["best_on_test"] = reached, probabilities
    judged = judged._replace(probabilities=by_selection)
    definition = _definition(how, sides, rate, len(head.layers), judged.describe())
    return Outcome(judged.values(), None, np.empty(0, np.int64), definition, recordings=judged)


def lesson_of(
    train: Side, how: Segmentation, classes: int, *, seed: int, device: str | torch.device
) -> Lesson:
    """What a head of so many classes is to learn."""
    weight = torch.ones(classes + 1, device=device)
    weight[0] = how.background_weight
    return Lesson(train, how.recipe, weight, how.steady, how.test_every, seed)


def new_head(encoder: Encoder, how: Segmentation, rate: float, classes: int) -> Dilated:
    """A head that sees `how.field` at `rate` steps in a unit of time, with fresh weights."""
    field = how.field
    if field is None:
        field = FIELD * RELEASED_FPS if how.rules.unit == "frames" else FIELD
    return Dilated(
        encoder.dim, classes + 1, width=how.width, layers=layers_for(field * rate),
        dropout=how.dropout,
    )  # fmt: skip


def rate_of(how: Segmentation, train: ClipSet) -> float:
    """Steps of the head in one unit of time."""
    if how.rules.unit == "frames":
        return 1.0
    return float(np.median(train.fps)) if how.rate is None else how.rate


def steps_of(frames: np.ndarray, fps: np.ndarray, rate: float | None) -> np.ndarray:
    """`(N,)` int64 rows that the head has of recordings; a rate of None: one for each frame."""
    if rate is None:
        return frames
    return np.maximum(1, np.rint(frames * rate / fps)).astype(np.int64)


def side_of(
    encoder: Encoder,
    recordings: ClipSet,
    how: Segmentation,
    rate: float,
    device: str | torch.device,
) -> Side:
    """Recordings as encoder and head take them."""
    laid = how.laying.laid(recordings.fps, how.rules.unit)
    in_seconds = how.rules.unit == "seconds"
    steps = steps_of(recordings.length, recordings.fps, rate if in_seconds else None)
    return Side(reader_of(encoder, recordings, how.laying, laid, device), laid, steps)


def _definition(
    how: Segmentation, sides: Sequence[Side], rate: float, layers: int, judged: str
) -> str:
    train, test = sides
    recipe, seconds = how.recipe, how.rules.unit == "seconds"
    epochs = recipe.passes(len(train.steps))
    sees, of = (2**layers - 1) / rate, "s" if seconds else "frames"
    encoder_lr, _ = recipe.rates
    learnt = f" (encoder {encoder_lr:g}, BatchNorm {recipe.batchnorm})" if how.tune else ""
    at = f" at {rate:g} steps a second" if seconds else ""
    return (
        f"actions found in untrimmed recordings by a dilated head on "
        f"{'fine-tuned' if how.tune else 'frozen'} features, standardized: "
        f"{how.laying.describe(how.rules.unit).replace('probabilities', 'features')} "
        f"({test.reader.normalize}, steps that move frames left out); {layers} layers of width "
        f"{how.width}{at}, {sees:.3g} {of} on either side, dropout {how.dropout:g}; cross-entropy "
        f"over frames, background weighted {how.background_weight:g}, plus {how.steady:g} times "
        f"changes from frame to frame, AdamW, weight decay {recipe.weight_decay:g}, batch "
        f"{recipe.batch_size} recordings, lr {recipe.lr:g}{learnt} falling as a cosine, "
        f"{epochs} epochs, gradient norm up to {recipe.clip_norm:g}; {judged}; "
        "numbers as of the protocol detection; last = after the last epoch, best_on_test = highest "
        f"{CHOSEN_BY} of the checks every {how.test_every} epochs and the last"
    )
