"""What a report shows of runs and a store: maps of the features, nearest neighbours that move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from ..checkpoints import folder as checkpoint
from ..data.clips import ClipSet
from ..devices import choose_device
from ..errors import InputError
from ..metrics.classes import topk_accuracy
from ..pages import embedding, html, plots
from ..pages.html import Section
from ..pages.player import player
from ..pages.svg import escape
from ..protocols.features import Features, cosine_blocks, extract_splits
from ..protocols.knn import knn_scores
from ..runs import load as loading
from .found import Found, Run

SETUPS, QUERIES, NEAREST, CLIPS = 4, 3, 3, 2000
"""Most setups that are drawn, queries and neighbours of each, clips of a map."""


class Seen(NamedTuple):
    """What an encoder makes of the store.

    Args:
        name: its setup's.
        accuracy: share of the test clips whose class k-NN finds, trained and untrained.
        trained: features with the run's weights.
        fresh: features with the weights that the run began from.
        train: the labelled clips of the train side, normalised as the run's.
        test: the labelled clips of the test side.
    """

    name: str
    accuracy: tuple[float, float]
    trained: Features
    fresh: Features
    train: ClipSet
    test: ClipSet


def sections(
    found: Found,
    clips: ClipSet,
    split: str,
    *,
    umap: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> list[Section]:
    """Maps and neighbours, one run for each of the first setups: that of the lowest seed.

    What a run cannot do with the store, having another layout for one, becomes a note.

    Raises:
        InputError: an unknown split, a split without labels, or UMAP is not installed.
    """
    if umap:
        embedding.require("umap")
    train, test = (_labelled(side, split) for side in clips.split(split))
    chosen = _chosen(found)
    seen = []
    device = choose_device("auto", "device")
    for name, run in chosen[:SETUPS]:
        say(f"encoding {len(train)} + {len(test)} clips, trained and untrained: {name}")
        try:
            seen.append(_encode(name, run, train, test, device))
        except (InputError, OSError) as error:
            found.notes.append(f"{run.folder}: no map: {error}")
    if not seen:
        if not chosen:
            found.notes.append("No run with a checkpoint was found: no maps of features.")
        return []
    left = f"The first {SETUPS} of {len(chosen)} setups." if len(chosen) > SETUPS else ""
    drawn = [_maps(seen, method, left, say) for method in ("tsne", *(("umap",) if umap else ()))]
    return [*drawn, _neighbours(seen)]


def _chosen(found: Found) -> list[tuple[str, Run]]:
    runs = sorted(found.runs, key=lambda run: (run.seed is None, run.seed or 0, str(run.folder)))
    first = []
    for setup, name in found.names.items():
        own = [r for r in runs if r.setup == setup and checkpoint.newest(r.folder)]
        first += [(name, own[0])] if own else []
    return first


def _encode(name: str, run: Run, train: ClipSet, test: ClipSet, device: str) -> Seen:
    config = checkpoint.read_object(run.folder / "config.json")
    normalize = str((config.get("data") or {}).get("normalize", "none"))
    train, test = replace(train, normalize=normalize), replace(test, normalize=normalize)
    sides: list[Features] = []
    for untrained in (False, True):
        encoder: Any = loading.load(run.folder, untrained=untrained, seed=run.seed or 0)
        taken = (encoder.in_channels, encoder.confidence)
        if taken != (train.channels, train.confidence):
            raise InputError(f"{train}: other coordinates a joint than the encoder takes")
        cache = None if untrained else run.folder / "features"
        sides.append(extract_splits(encoder, train, test, device=device, cache=cache))
    accuracy = (_accuracy(sides[0]), _accuracy(sides[1]))
    return Seen(name, accuracy, sides[0], sides[1], train, test)


def _labelled(clips: ClipSet, split: str) -> ClipSet:
    known = np.flatnonzero(clips.label >= 0)
    if not len(known):
        raise InputError(f"{clips}: --split {split}: no labelled clip on one of its sides")
    return clips if len(known) == len(clips) else clips.take(known)


def _maps(seen: Sequence[Seen], method: str, left: str, say: Callable[[str], None]) -> Section:
    """Untrained and trained beside one another, a row for each setup; one legend for all."""
    figures = []
    names = _class_names(seen[0].test)
    for one in seen:
        for state, features, share in (
            ("untrained", one.fresh, one.accuracy[1]),
            ("trained", one.trained, one.accuracy[0]),
        ):
            say(f"drawing a map of {len(features.test)} clips ({method}): {one.name}, {state}")
            points, kept = embedding.project(features.test, 0, method=method, limit=CLIPS)
            figures.append(
                plots.embedding(
                    points, features.test_labels[kept], names, f"{one.name}: {state}",
                    note=f"k-NN finds the class of {100 * share:.1f} % of the test clips.",
                    legend=False,
                )
            )  # fmt: skip
    drawn = min(len(seen[0].test), CLIPS)
    present = [int(k) for k in np.unique(seen[0].test.label)]
    said = {"tsne": "t-SNE", "umap": "UMAP"}[method]
    some = f"{drawn:,} of {len(seen[0].test):,}" if drawn < len(seen[0].test) else f"{drawn:,}"
    text = (
        f"Each mark is one of {some} test clips, laid out by {said} from the features alone; "
        "colour and shape show the class. Near marks are alike; the distance between far groups, "
        f"the axes and the turn of a map say nothing. {left}"
    )
    body = plots.class_legend(present, names) + html.grid(*figures)
    return Section(f"What the encoders see ({said})", body, text)


def _accuracy(features: Features) -> float:
    scores = knn_scores(features.train, features.train_labels, features.test, features.classes)
    return topk_accuracy(scores, features.test_labels)


def _class_names(clips: ClipSet) -> list[str]:
    number = max(len(clips.class_names), int(clips.label.max()) + 1)
    named = list(clips.class_names)
    return [*named, *(f"class {k}" for k in range(len(named), number))]


def _neighbours(seen: Sequence[Seen]) -> Section:
    """The same test clips for each setup, and the first other whose nearest is of another class."""
    test = seen[0].test
    classes = np.unique(test.label)
    spaced = classes[np.linspace(0, len(classes) - 1, min(QUERIES, len(classes))).astype(int)]
    queries = [int(np.flatnonzero(test.label == k)[0]) for k in spaced]
    body = ""
    for one in sorted(seen, key=lambda one: -one.accuracy[0])[:2]:
        head = f"<h3>{escape(one.name)}</h3>" if len(seen) > 1 else ""
        body += head + _found(one, queries)
    text = (
        f"A test clip, then the {NEAREST} training clips that are nearest by the cosine of their "
        f"features. Chosen by rule: the first test clip of {len(queries)} classes and, last, the "
        "first other one whose nearest neighbour is of another class, if there is one."
        + (" The two setups of the highest k-NN accuracy." if len(seen) > 2 else "")
    )
    return Section("Which motions they find alike", body, text)


def _found(one: Seen, queries: Sequence[int]) -> str:
    train, test = one.train, one.test
    count = min(NEAREST, len(train))
    blocks = cosine_blocks(one.trained.test, one.trained.train)
    nearest = torch.cat([s.topk(count, dim=1).indices for _, s in blocks]).numpy()
    hit = train.label[nearest] == test.label[:, None]
    misses = [int(q) for q in np.flatnonzero(~hit[:, 0]) if q not in queries]
    shown: list[tuple[ClipSet, int, str]] = []
    for query in [*queries, *misses[:1]]:
        shown.append((test, query, "query"))
        pairs = zip(nearest[query], hit[query], strict=True)
        shown += [(train, int(index), "hit" if same else "miss") for index, same in pairs]
    return player(
        [clips.clip(index)[..., : clips.coordinates] for clips, index, _ in shown],
        train.skeleton,
        [_caption(clips, index) for clips, index, _ in shown],
        [float(clips.fps[index]) for clips, index, _ in shown],
        marks=[mark for _, _, mark in shown],
        columns=count + 1,
    )


def _caption(clips: ClipSet, index: int) -> str:
    subject = int(clips.subject[index])
    person = f", person {subject}" if subject >= 0 else ""
    return f"{_class_names(clips)[clips.label[index]]}{person}"
