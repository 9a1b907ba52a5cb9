"""The trials of a search: drawn by optuna, pretrained and judged on training subjects alone.

Each row has as many trials at each place, whatever they cost or whether they fail. They lie in one
journal within the benchmark's folder: a trial that was killed goes on from its checkpoint, with the
settings that it had drawn. The draws of a trial depend on those before it and on its number alone.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import api
from ...errors import InputError
from ...training.log import Event
from ..checks import Sets, overrides_of
from ..cost import cost
from ..suite import Method, Place, Suite, slug
from .develop import NAME, development, training_side
from .objective import Objective
from .space import distributions, keys_of, settings_of, usual

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as Drawn

BEGINNINGS = 3
"""How often a trial is begun whose process ends in it; then it counts as failed."""

JOURNAL = "trials.journal"
"""The trials' file; a report passes by the folder that it lies in."""

HINT = "a search needs optuna, which is not installed: pip install 'skelf[search]'"


class Trial(NamedTuple):
    """A trial that has ended.

    Args:
        row: the method's.
        place: where it was pretrained.
        number: counted from 0; 0 has the suite's own settings, where they lie in the space.
        state: complete, pruned or failed.
        value: the objective; None where there is none.
        settings: what was drawn, as `section.key=value`.
        seconds: it took.
        message: why it failed.
    """

    row: str
    place: Place
    number: int
    state: str
    value: float | None
    settings: tuple[str, ...]
    seconds: float
    message: str


@dataclass
class Searching:
    """A search of one row at one place.

    Args:
        suite: the suite.
        sets: its sets.
        method: the row.
        place: where it is pretrained.
        objective: what a trial is judged by.
        folder: of the benchmark's searches.
        tell: called with the number of the trial, how far it is, and the share of it that is done.
    """

    suite: Suite
    sets: Sets
    method: Method
    place: Place
    objective: Objective
    folder: Path
    tell: Callable[[int, str, float], None] = lambda number, text, share: None
    study: Study = field(init=False)

    def __post_init__(self) -> None:
        optuna = needed()
        self.tables = keys_of(self.suite, self.method)
        journal = optuna.storages.journal.JournalFileBackend(str(self.folder / JOURNAL))
        with quiet():
            self.study = optuna.create_study(
                storage=optuna.storages.JournalStorage(journal),
                study_name=f"{self.method.label}, {self.place}",
                direction="maximize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
                load_if_exists=True,
            )
        self._refuse_another()

    def run(self, count: int) -> None:
        """Ends what was begun, then draws trials until there are `count`."""
        optuna = needed()
        for trial in self.study.trials:
            if trial.state == optuna.trial.TrialState.RUNNING:
                self._attempt(optuna.trial.Trial(self.study, trial._trial_id))
        space = distributions(self.tables)
        first = usual(self.suite, self.method, self.place, self.tables)
        if first is not None and not self.study.trials:
            self.study.enqueue_trial(first)
        while len(ended(self.study)) < count:
            number = len(ended(self.study))
            self.study.sampler = optuna.samplers.TPESampler(seed=self.seed * 100_003 + number)
            self._attempt(self.study.ask(space))

    @property
    def seed(self) -> int:
        """Of every trial: they differ in their settings alone."""
        return self.suite.seeds_of(self.method)[0]

    @property
    def trials(self) -> list[Trial]:
        """Those that have ended, in their order."""
        return [self._described(trial) for trial in ended(self.study)]

    @property
    def best(self) -> Trial | None:
        """The trial of the highest value, of equals the first; None: none was completed."""
        complete = [trial for trial in self.trials if trial.state == "complete"]
        return max(complete, key=lambda trial: trial.value or 0.0, default=None)

    def overrides(self, drawn: list[str]) -> list[str]:
        """All settings of a trial, epochs by the budget where the suite has one."""
        at = self.place
        counted = None
        if self.sets.costs:
            counted = cost(self.suite, self.sets, self.method, at, self.sets.costs, more=drawn)
        return overrides_of(self.suite, self.sets, self.method, at, more=drawn, counted=counted)

    def _attempt(self, trial: Drawn) -> None:
        optuna = needed()
        begun = trial.user_attrs.get("begun", 0) + 1
        trial.set_user_attr("begun", begun)
        began = time.perf_counter()
        state, value = optuna.trial.TrialState.FAIL, None
        run = self._run(trial.number)
        try:
            if begun > BEGINNINGS:
                raise RuntimeError(f"its process ended in it {BEGINNINGS} times; out of memory?")
            value = self._value(trial, run)
            state = optuna.trial.TrialState.COMPLETE
        except optuna.TrialPruned:
            state = optuna.trial.TrialState.PRUNED
        except Exception as error:  # whatever one trial has, the others go on
            lines = str(error).strip().splitlines()
            named = "" if isinstance(error, InputError | RuntimeError) else type(error).__name__
            trial.set_user_attr("message", ": ".join(filter(None, (named, *lines[:1]))))
        took = trial.user_attrs.get("seconds", 0.0) + time.perf_counter() - began
        trial.set_user_attr("seconds", took)
        shutil.rmtree(run / "checkpoints", ignore_errors=True)
        with quiet():
            self.study.tell(trial, value, state=state)

    def _value(self, trial: Drawn, run: Path) -> float:
        """Pretrains and judges; the objective's mean over where it is judged."""
        method, place = self.method, self.place
        overrides = self.overrides(settings_of(self.tables, trial.params))
        clips = training_side(self.sets.clips[place.data], place)
        on = self.objective.judged_on(self.suite, place)
        develops = place in on
        if develops:
            clips = development(clips, self.suite.held_out, str(place))
        config = self.suite.config_of(method)
        api.pretrain(
            method.name,
            clips,
            out=run,
            split=NAME if develops else None,
            stream=method.streams[0],
            config=config,
            overrides=overrides,
            seed=self.seed,
            resume=(run / "config.json").exists(),
            listener=self._listener(trial),
        )
        self.tell(trial.number, "judging", 1.0)
        return mean(self._judged(run, at) for at in on)

    def _judged(self, run: Path, at: Place) -> float:
        side = training_side(self.sets.clips[at.data], at)
        rows = api.evaluate(
            [self.objective.protocol],
            run,
            development(side, self.suite.held_out, str(at)),
            split=NAME,
            overrides=self.objective.settings,
            stream=self.method.judge,
            seed=self.seed,
        )
        return self.objective.of(rows)

    def _listener(self, trial: Drawn) -> Callable[[Event], None]:
        """Tells how far it is; where the suite's settings monitor k-NN, prunes by it."""
        optuna = needed()
        told = 0.0

        def listen(event: Event) -> None:
            nonlocal told
            if event["event"] == "step" and time.monotonic() - told >= 1:
                told, epochs = time.monotonic(), event["epochs"]
                share = (event["epoch"] + event["batch"] / event["batches"]) / epochs
                self.tell(trial.number, f"epoch {event['epoch'] + 1}/{epochs}", share)
            if event["event"] == "monitor" and event["epoch"] >= 0 and "knn_top1" in event:
                with quiet():
                    trial.report(event["knn_top1"], event["epoch"])
                if trial.should_prune():
                    raise optuna.TrialPruned

        return listen

    def _run(self, number: int) -> Path:
        at = self.place
        parts = (at.data, at.split or "all", self.method.label)
        return self.folder.joinpath(*map(slug, parts), f"trial_{number:03d}")

    def _described(self, trial: FrozenTrial) -> Trial:
        about = trial.user_attrs
        state = {"FAIL": "failed"}.get(trial.state.name, trial.state.name.lower())
        return Trial(
            self.method.label,
            self.place,
            trial.number,
            state,
            trial.value if state == "complete" else None,
            tuple(settings_of(self.tables, trial.params)),
            float(about.get("seconds", 0.0)),
            str(about.get("message", "")),
        )

    def _refuse_another(self) -> None:
        """Trials of other settings, data or objectives are those of another search."""
        sets, suite = self.sets, self.suite
        mine = {
            "keys": [[t.key, *map(str, t.values or t.range or ()), t.log] for t in self.tables],
            "settings": [self.method.name, *self.overrides([])],
            "config": (path := suite.config_of(self.method)) and path.read_text("utf-8"),
            "objective": [self.objective.protocol, self.objective.metric],
            "objective's settings": list(self.objective.settings),
            "held_out": suite.held_out,
            "data": [sets.contents[at] for at in (self.place, *self._on())],
        }
        before = self.study.user_attrs.get("of")
        if before is None:
            self.study.set_user_attr("of", mine)
            return
        for key, value in mine.items():
            if before.get(key) != value:
                raise InputError(
                    f"{self.folder}: {self.study.study_name}: its trials had another {key}; "
                    "choose another --out"
                )

    def _on(self) -> list[Place]:
        return self.objective.judged_on(self.suite, self.place)


def ended(study: Study) -> list[FrozenTrial]:
    """The trials that count: complete, pruned or failed."""
    with quiet():
        return [trial for trial in study.trials if trial.state.is_finished()]


def needed() -> Any:  # the module itself, which no type describes
    """The library; InputError where it is missing."""
    try:
        import_module("optuna.storages.journal")
    except ImportError:
        raise InputError(HINT) from None
    return import_module("optuna")


@contextmanager
def quiet() -> Iterator[None]:
    """Around calls of optuna, which logs each trial by itself; afterwards as it was."""
    logging = needed().logging
    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)
