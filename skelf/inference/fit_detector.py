"""A detector: a head on an encoder, with windows and rules chosen on held-out recordings.

Windows and rules are chosen by recordings of the training side that a head did not learn from, with
no person on both sides where people are known. Then the head learns from all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import stdtrit

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..machine.devices import choose_device
from ..machine.guest import no_trace
from ..opening import opened, refuse_seed
from ..protocols._training import mean_and_deviation, seeded, trained_copy
from ..protocols.dense import dense
from ..protocols.detection import Detection, lesson_of, with_segments
from ..protocols.fitting import fitting, suited
from ..protocols.frame_heads import learn, refuse_memory, tune
from ..protocols.laying import Laying
from ..protocols.rules import Rules, refuse_rates, short_action
from ..protocols.segmentation import Segmentation
from ..runs.load import judged_encoder
from ..settings.options import flat
from ..settings.values import Settings
from . import fit_over_time
from .adapt import adapted
from .detector_choices import FitDetector, brief, cost, layings, rules, still
from .heads import Linear, folded
from .held_out import HeldOut, groups_of, held_out
from .learnt import learnt_from, needs_from
from .model import Model, assembled
from .needs import needs_of
from .over_time import OverTime
from .parts import parts_of

METRIC = "map_a_voc@0.5"


class Chosen(NamedTuple):
    """What was settled on held-out recordings.

    Args:
        how: windows and rules.
        expected: what the model's config says of it; None: nothing could be held out.
    """

    how: Detection | Segmentation
    expected: Settings | None


@no_trace()
def fit_detector(
    run: str | Path,
    data: str | Path | ClipSet,
    *,
    split: str | None = None,
    tune: bool = False,
    how: FitDetector = FitDetector(),
    stream: str | None = None,
    seed: int = 0,
    device: str = "auto",
    say: Callable[[str], None] = lambda text: None,
    step: Callable[[int, int], None] = lambda done, total: None,
) -> Model:
    """A model that finds actions in recordings.

    Args:
        run: a run, a checkpoint folder or a hub name.
        data: recordings with segments; clips that are cut are left out.
        split: learn from its training side alone; None: from all.
        tune: train a copy of the encoder with the head, as `how.detection.tune` does.
        how: the options.
        stream: of a run that trained several.
        seed: of heads and draws.
        device: auto, cpu or cuda.
        say: told in a line each what is changed and chosen.
        step: called with what is done and all.

    Raises:
        InputError: a run that cannot be read, recordings without segments or a rate, another joint
            layout or normalisation, or a training that diverged.

    Examples:
        >>> import skelf
        >>> from skelf.data.synthetic.clips import generate
        >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
        >>> run = skelf.pretrain("usdrl", generate(clips=24), out="to_detect", overrides=tiny)
        >>> from skelf.inference.detector_choices import DilatedHead, FitDetector
        >>> brief = FitDetector(choose=False, dilated=DilatedHead(dilated_epochs=1))
        >>> model = fit_detector(run, generate(clips=12, recordings=4), how=brief)
        >>> model.kind, len(model.class_names)
        ('detector', 12)
    """
    refuse_seed(seed)
    start = how.protocol(tune)
    computed_on = choose_device(device, "--device")
    encoder, described = judged_encoder(run, None, False, seed, stream=stream)
    whole = opened(data)
    clips = with_segments(whole if split is None else whole.split(split)[0], "training")
    encoder = suited(encoder, clips)
    refuse_rates(clips.fps, start.rules.unit, str(clips))
    about: Settings = {"kind": "detector", "class_names": clips.class_names}
    empty = Linear(dim=encoder.dim, classes=len(clips.class_names) + 1)
    assembled(encoder, empty, described, **about)  # what it refuses, it refuses now
    needs = needs_of(encoder, described)
    # Windows of so many seconds suit any rate; the persons that come first are looked at.
    needs = needs._replace(fps=None, persons=max(needs.persons, clips.persons))
    recordings = fitting(encoder, adapted(clips, needs, say=say), keep_time=True)
    short = _short(recordings)
    start = replace(start, rules=start.rules.settled(short))
    chosen = Chosen(start, None)
    kind, groups = groups_of(recordings)
    count = min(how.parts, int(groups.max()) + 1)
    if count > 1:
        part = parts_of(groups, recordings.length, count)
        judge = _Judge(encoder, recordings, part, kind, seed, computed_on, say, step)
        chosen = judge.choose(how, start) if how.choose else judge.estimate(start)
    else:
        say("a single recording: nothing can be held out, so that settings stay as they are")
    trained, head = _trained(encoder, recordings, chosen.how, seed, computed_on)
    return assembled(
        trained,
        head,
        described,
        **about,
        windows=flat(chosen.how.laying),
        rules=flat(chosen.how.rules) | {"short_action": short},
        expected=chosen.expected,
        needs=needs_from(recordings),
        learnt_from=learnt_from(
            whole,
            recordings,
            split,
            seed,
            how=f"{'fine-tuned' if chosen.how.tune else 'frozen'} encoder",
            head=how.head,
            recordings=len(recordings),
            segments=len(recordings.segments),
        ),
    )


class _Judge(NamedTuple):
    """Held-out recordings that settings are tried on."""

    encoder: Encoder
    recordings: ClipSet
    part: np.ndarray
    group: str
    seed: int
    device: str
    say: Callable[[str], None]
    step: Callable[[int, int], None]

    def held_out(self, how: Detection | Segmentation) -> HeldOut:
        """What heads with these settings say of recordings that they did not learn from."""
        seed, device = self.seed, self.device
        return held_out(self.encoder, self.recordings, how, self.part, seed=seed, device=device)

    def choose(self, how: FitDetector, start: Detection | Segmentation) -> Chosen:
        """Windows by linear heads that train briefly, then rules by heads that train in full."""
        tried = list(layings(how, self.recordings, start))
        # A dilated head puts features on one scale, so the one that stands in for it does, too.
        scaled = how.detection.standardize or how.head == "dilated"
        linear = replace(how.detection, standardize=scaled)
        laying = self._laying(tried, linear, start) if len(tried) > 1 else start.laying
        best = replace(start, laying=laying)
        seen = self.held_out(best)
        self.step(len(tried) + 1, len(tried) + 1)
        best = replace(best, rules=self._rules(how.detection.rules, best.rules, seen))
        return Chosen(best, self._expected(seen, best))

    def estimate(self, how: Detection | Segmentation) -> Chosen:
        """The same settings, with what is to be expected of them."""
        told = self._expected(self.held_out(how), how)
        return Chosen(how, told | {"how": "held-out training recordings"})

    def _laying(
        self, candidates: list[Laying], linear: Detection, start: Detection | Segmentation
    ) -> Laying:
        frozen = replace(brief(linear), rules=start.rules)
        values = []
        for done, candidate in enumerate(candidates):
            self.step(done, len(candidates) + 1)
            seen = self.held_out(replace(frozen, laying=still(candidate)))
            values.append(seen.of_folds(start.rules))
        means, unit = [float(value.mean()) for value in values], start.rules.unit
        best = int(np.argmax(means))
        error = _error(values[best])
        near = [at for at, mean in enumerate(means) if mean >= means[best] - error]
        chosen = min(near, key=lambda at: (cost(candidates[at], start.rules), -means[at]))
        for candidate, mean in zip(candidates, means, strict=True):
            self.say(f"{METRIC} {mean:.1%}: {candidate.describe(unit)}")
        self.say(
            f"the cheapest windows within a standard error ({error:.1%}) of the best: "
            f"{candidates[chosen].describe(unit)}"
        )
        return candidates[chosen]

    def _rules(self, given: Rules, start: Rules, seen: HeldOut) -> Rules:
        candidates = list(rules(given, start))
        values = [float(seen.of_folds(each).mean()) for each in candidates]
        best = int(np.argmax(values))  # of equal ones the first, which is the usual one
        chosen = candidates[best]
        self.say(
            f"rule: {chosen.describe(0.0)}: {values[best]:.1%}, the best of {len(candidates)} "
            f"(as it was: {values[0]:.1%})"
        )
        return chosen

    def _expected(self, seen: HeldOut, how: Detection | Segmentation) -> Settings:
        folds, value = seen.of_folds(how.rules), seen.whole(how.rules)
        names = self.recordings.class_names
        expected: Settings = {"metric": METRIC, "value": value}
        shown = f"{value:.1%}"
        if len(folds) > 1:
            wide = float(stdtrit(len(folds) - 1, 0.975)) * _error(folds)
            low, high = max(0.0, value - wide), min(1.0, value + wide)
            expected["interval"] = [low, high]
            shown += f" ({low:.1%} to {high:.1%})"
        self.say(f"expected {METRIC} of other people: {shown}")
        by_class = seen.by_class(how.rules)
        return expected | {
            "grouped_by": self.group,
            "parts": len(folds),
            "recordings": len(self.recordings),
            "how": "held-out training recordings, those that settings were chosen on",
            "per_class": {names[label]: ap for label, ap in sorted(by_class.items())},
        }


def _error(values: np.ndarray) -> float:
    """The standard error of a mean; 0 of a single value, of which nobody knows it."""
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def _trained(
    encoder: Encoder, recordings: ClipSet, how: Detection | Segmentation, seed: int, device: str
) -> tuple[Encoder, Linear | OverTime]:
    """The encoder, tuned or as it is, and the head, which learnt from all recordings."""
    if isinstance(how, Segmentation):
        return fit_over_time.fit(encoder, recordings, how, seed, device)
    classes = len(recordings.class_names)
    head, lesson = lesson_of(encoder, recordings, how, classes, seed=seed, device=device)
    lesson = lesson._replace(check_every=how.recipe.epochs)
    dim = encoder.dim
    mean, deviation = torch.zeros(dim), torch.ones(dim)
    with seeded(seed, device):
        if how.tune:
            copy = trained_copy(encoder, device)
            for _ in tune(copy, head, lesson):
                pass
            encoder = copy.to("cpu").requires_grad_(False).eval()
        else:
            windows = lesson.windows()
            refuse_memory(int(windows.span.sum()), dim)
            x = dense(encoder, lesson.reader, windows)
            if how.standardize:
                mean, deviation = mean_and_deviation(x)
                x.sub_(mean).div_(deviation)
            for _ in learn(head, x, lesson.labels(windows), lesson):
                pass
    weight, bias = (value.detach().cpu() for value in (head.weight, head.bias))
    return encoder, folded(weight, bias, mean, deviation)


def _short(recordings: ClipSet) -> float:
    """Seconds of a short action; 0 where frames are counted and rates are not known."""
    rates = np.asarray(recordings.fps, np.float64)
    return short_action(recordings.segments, rates) if (rates > 0).all() else 0.0
