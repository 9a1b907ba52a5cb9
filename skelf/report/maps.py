"""What a report shows of runs and a store: maps of the features, nearest neighbours that move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from ..checkpoints import folder as checkpoint
from ..data.clips import ClipSet
from ..errors import InputError
from ..machine.devices import choose_device
from ..metrics.classes import topk_accuracy
from ..pages import embedding, html, plots
from ..pages.html import Section
from ..pages.player import player
from ..pages.svg import escape
from ..protocols.features import Features, extract_splits
from ..protocols.knn import knn_scores
from ..protocols.settling import settle
from ..protocols.similarity import centred, cosine_blocks
from ..runs import load as loading
from .evidence import Evidence, Run
from .store import Store, class_names

SETUPS, QUERIES, NEAREST, CLIPS = 4, 3, 3, 2000
"""Most setups that are drawn, queries and neighbours of each, clips of a map."""


class Encoded(NamedTuple):
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
    evidence: Evidence,
    store: Store,
    *,
    umap: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> list[Section]:
    """Maps and neighbours, one run for each of the first setups: that of the lowest seed.

    What a run cannot do with the store, having another layout for one, becomes a note.

    Raises:
        InputError: UMAP is not installed.
    """
    if umap:
        embedding.require("umap")
    train, test = store.train, store.test
    chosen = _chosen(evidence)
    seen: list[Encoded] = []
    device = choose_device("auto", "device")
    for name, run in chosen[:SETUPS]:
        say(f"encoding {len(train)} + {len(test)} clips, trained and untrained: {name}")
        try:
            seen.append(_encode(name, run, train, test, device))
        except (InputError, OSError) as error:
            evidence.notes.append(f"{run.folder}: no map: {error}")
    if not seen:
        if not chosen:
            evidence.notes.append("No run with a checkpoint was found: no maps of features.")
        return []
    left = f"The first {SETUPS} of {len(chosen)} setups." if len(chosen) > SETUPS else ""
    drawn = [_maps(seen, method, left, say) for method in ("tsne", *(("umap",) if umap else ()))]
    return [*drawn, _neighbours(seen)]


def _chosen(evidence: Evidence) -> list[tuple[str, Run]]:
    """For each setup its name and the first of its runs that has a checkpoint."""
    chosen = []
    for setup, name in evidence.names.items():
        runs = [run for run in evidence.runs_of(setup) if checkpoint.newest(run.folder)]
        chosen += [(name, runs[0])] if runs else []
    return chosen


def _encode(name: str, run: Run, train: ClipSet, test: ClipSet, device: str) -> Encoded:
    config = checkpoint.read_object(run.folder / "config.json")
    normalize = str((config.get("data") or {}).get("normalize", "none"))
    train, test = replace(train, normalize=normalize), replace(test, normalize=normalize)
    sides: list[Features] = []
    for untrained in (False, True):
        encoder = loading.load(run.folder, untrained=untrained)
        taken = (encoder.in_channels, encoder.confidence)
        if taken != (train.channels, train.confidence):
            raise InputError(f"{train}: other coordinates a joint than the encoder takes")
        if untrained:
            settle(encoder, train, device)
        cache = None if untrained else run.folder / "features"
        sides.append(extract_splits(encoder, train, test, device=device, cache=cache))
    accuracy = (_accuracy(sides[0]), _accuracy(sides[1]))
    return Encoded(name, accuracy, sides[0], sides[1], train, test)


def _maps(seen: Sequence[Encoded], method: str, left: str, say: Callable[[str], None]) -> Section:
    """Untrained and trained beside one another, a row for each setup; one legend for all."""
    figures = []
    names = class_names(seen[0].test)
    for encoded in seen:
        for state, features, share in (
            ("untrained", encoded.fresh, encoded.accuracy[1]),
            ("trained", encoded.trained, encoded.accuracy[0]),
        ):
            say(f"drawing a map of {len(features.test)} clips ({method}): {encoded.name}, {state}")
            points, drawn = embedding.project(features.test, 0, method=method, limit=CLIPS)
            figures.append(
                plots.embedding(
                    points, features.test_labels[drawn], names, f"{encoded.name}: {state}",
                    note=f"k-NN finds the class of {100 * share:.1f} % of the test clips.",
                    legend=False,
                )
            )  # fmt: skip
    count = min(len(seen[0].test), CLIPS)
    present = [int(k) for k in np.unique(seen[0].test.label)]
    layout = {"tsne": "t-SNE", "umap": "UMAP"}[method]
    some = f"{count:,} of {len(seen[0].test):,}" if count < len(seen[0].test) else f"{count:,}"
    text = (
        f"Each mark is one of {some} test clips, laid out by {layout} from the features alone; "
        "colour and shape show the class. Near marks are alike; the distance between far groups, "
        f"the axes and the turn of a map say nothing. {left}"
    )
    body = plots.class_legend(present, names) + html.grid(*figures)
    return Section(f"What the encoders see ({layout})", body, text)


def _accuracy(features: Features) -> float:
    scores = knn_scores(features.train, features.train_labels, features.test, features.classes)
    return topk_accuracy(scores, features.test_labels)


def _neighbours(seen: Sequence[Encoded]) -> Section:
    """The same test clips for each setup, and the first other whose nearest is of another class."""
    test = seen[0].test
    classes = np.unique(test.label)
    spaced = classes[np.linspace(0, len(classes) - 1, min(QUERIES, len(classes))).astype(int)]
    queries = [int(np.flatnonzero(test.label == k)[0]) for k in spaced]
    body = ""
    for encoded in sorted(seen, key=lambda encoded: -encoded.accuracy[0])[:2]:
        head = f"<h3>{escape(encoded.name)}</h3>" if len(seen) > 1 else ""
        body += head + _nearest(encoded, queries)
    text = (
        f"A test clip, then the {NEAREST} training clips whose features are most similar: the "
        "cosine once the mean of all training clips is subtracted, so that 1 is alike and 0 no "
        "more alike than any two clips. Chosen by rule: the first test clip of "
        f"{len(queries)} classes and, last, the first other one whose nearest neighbour is of "
        "another class, if there is one."
        + (" The two setups of the highest k-NN accuracy." if len(seen) > 2 else "")
    )
    return Section("Which motions they find alike", body, text)


def _nearest(encoded: Encoded, queries: Sequence[int]) -> str:
    train, test = encoded.train, encoded.test
    count = min(NEAREST, len(train))
    blocks = cosine_blocks(*centred(encoded.trained.test, encoded.trained.train), overwrite=True)
    tops = [similar.topk(count, dim=1) for _, similar in blocks]
    similar = torch.cat([top.values for top in tops]).numpy()
    nearest = torch.cat([top.indices for top in tops]).numpy()
    hit = train.label[nearest] == test.label[:, None]
    misses = [int(q) for q in np.flatnonzero(~hit[:, 0]) if q not in queries]
    shown: list[tuple[ClipSet, int, str, str]] = []
    for query in [*queries, *misses[:1]]:
        shown.append((test, query, "query", ""))
        for index, same, cosine in zip(nearest[query], hit[query], similar[query], strict=True):
            mark, told = "hit" if same else "miss", f", similarity {cosine:.2f}"
            shown.append((train, int(index), mark, told))
    return player(
        [clips.clip(index)[..., : clips.coordinates] for clips, index, *_ in shown],
        train.skeleton,
        [_caption(clips, index) + told for clips, index, _, told in shown],
        [float(clips.fps[index]) for clips, index, *_ in shown],
        marks=[mark for _, _, mark, _ in shown],
        columns=count + 1,
    )


def _caption(clips: ClipSet, index: int) -> str:
    subject = int(clips.subject[index])
    person = f", person {subject}" if subject >= 0 else ""
    return f"{class_names(clips)[clips.label[index]]}{person}"
