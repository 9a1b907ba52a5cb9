"""What the demo's page shows: the table, the curves, the maps, the confusions, the neighbours."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .data.clips import ClipSet
from .metrics.classes import confusion
from .pages import html, plots
from .pages.html import Section
from .pages.player import player
from .protocols.features import Features, cosine_blocks
from .protocols.outcome import Outcome
from .training.log import BOOKKEEPING, read_log

COLUMNS = {
    "protocol": "Protocol",
    "pretrained": "Pretrained",
    "untrained": "Untrained",
    "chance": "Chance",
}


def results(rows: list[dict[str, Any]]) -> Section:
    """The table: pretrained, untrained, chance."""
    table = html.table(
        rows,
        COLUMNS,
        bars=("pretrained", "untrained", "chance"),
        best=("pretrained", "untrained"),
        caption="Share of the test clips, higher is better. Test clips are of persons that "
        "training never saw. Untrained: the same encoder with its first random weights.",
    )
    text = (
        "Pretraining read no label: only the k-NN monitor and these judges do, and they change "
        "nothing in the encoder."
    )
    return Section("Does it learn?", table, text)


def training(run: Path, knn: dict[str, Any]) -> Section:
    """Loss terms and k-NN monitor over the epochs.

    Args:
        run: the run's folder.
        knn: the table's row of k-NN: the monitor starts at its untrained value.
    """
    log = read_log(run)
    epochs = [e for e in log if e["event"] == "epoch"]
    monitor = [e for e in log if e["event"] == "monitor"]
    terms = [key for key in (epochs[0] if epochs else {}) if key not in BOOKKEEPING]
    number = [e["epoch"] + 1 for e in epochs]
    losses = {key.replace("_", " "): (number, [e[key] for e in epochs]) for key in terms}
    seen = [0, *(e["epoch"] + 1 for e in monitor)]
    read = [knn["untrained"], *(e["knn_top1"] for e in monitor)]
    accuracy = {
        "k-NN on test clips": (seen, read),
        "chance": ([0, max(number, default=1)], [knn["chance"]] * 2),
    }
    body = html.grid(
        plots.curves(losses, "Loss and its terms", "loss (no unit, log scale)", log=True),
        plots.curves(accuracy, "k-NN monitor", "top-1 accuracy", percent=True),
    )
    text = "Epoch 0 of the monitor is the untrained encoder."
    return Section("While it trained", body, text)


def maps(features: dict[str, Features], class_names: Sequence[str], seed: int) -> Section:
    """A t-SNE map of the test clips for each encoder."""
    drawn = []
    for name, f in features.items():
        points, kept = plots.project(f.test, seed)
        drawn.append(plots.embedding(points, f.test_labels[kept], class_names, name))
    text = (
        "Each mark is a test clip, laid out by t-SNE from its features alone; colour and shape "
        "show the action, which the encoder was never told."
    )
    return Section("What the encoder sees", html.grid(*drawn), text)


def mistakes(probe: Outcome, class_names: Sequence[str]) -> Section:
    """The confusion matrix of the linear probe."""
    assert probe.scores is not None
    predicted = probe.scores.argmax(axis=1)
    share = float((predicted == probe.labels).mean())
    drawn = plots.confusion(
        confusion(probe.labels, predicted, len(class_names)),
        class_names,
        f"Linear probe: {share:.1%} of {len(predicted)} test clips right",
        note="Number: clips. Colour: their share of the row. Recall: the share of the action's "
        "clips that was found.",
    )
    return Section("What it mistakes for what", html.grid(drawn), "")


def neighbours(train: ClipSet, test: ClipSet, features: Features) -> Section:
    """Test clips that move, each beside its three nearest training clips."""
    blocks = cosine_blocks(features.test, features.train)
    nearest = torch.cat([similarity.topk(3, dim=1).indices for _, similarity in blocks]).numpy()
    hit = train.label[nearest] == test.label[:, None]
    queries = [int(np.flatnonzero(test.label == k)[0]) for k in np.unique(test.label)[::3]]
    misses = [int(q) for q in np.flatnonzero(~hit[:, 0]) if q not in queries]
    shown: list[tuple[ClipSet, int, str]] = []
    for query in [*queries, *misses[:1]]:
        shown.append((test, query, "query"))
        found = zip(nearest[query], hit[query], strict=True)
        shown += [(train, int(index), "hit" if same else "miss") for index, same in found]
    body = player(
        [clips.clip(index) for clips, index, _ in shown],
        train.skeleton,
        [
            f"{clips.class_names[clips.label[i]]}, person {clips.subject[i]}"
            for clips, i, _ in shown
        ],
        [float(clips.fps[index]) for clips, index, _ in shown],
        marks=[mark for _, _, mark in shown],
    )
    text = (
        "A test clip in front, then the three nearest clips of the training set by the cosine of "
        "their features. Chosen by rule: the first test clip of every third action and, last, the "
        "first other test clip whose nearest neighbour is of another action, if there is one."
    )
    return Section("Which motions it finds alike", body, text)


def commands(
    store: Path, split: str, seed: int, settings: Sequence[str], probe: dict[str, Any]
) -> Section:
    """The commands that do the same on the store that the demo made."""
    data = shlex.quote(str(store))
    again = shlex.quote(str(store.parent / "by-hand"))
    judged = " ".join(f"eval.{key}={str(value).lower()}" for key, value in probe.items())
    given = " \\\n    ".join(shlex.quote(s) for s in settings)
    text = (
        f"skelf data info {data}\n"
        f"skelf pretrain usdrl --data {data} --split {split} --stream joint \\\n"
        f"    --out {again} --seed {seed} \\\n    {given}\n"
        f"skelf eval linear,knn,retrieval --run {again} --data {data} --split {split} \\\n"
        f"    --out {again}/results.json {judged}\n"
    )
    return Section("The same by hand", html.code(text), "")
