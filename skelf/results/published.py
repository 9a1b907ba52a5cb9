"""Published numbers of the papers, to stand beside ours: `published.csv`.

Each has its source: a paper's table or the README of a released implementation. They were measured
with the authors' code and data preparation, mostly at the best check on the test set.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from ..errors import InputError


class Published(NamedTuple):
    """A published number.

    Args:
        protocol: as in `PROTOCOLS`.
        metric: as results name it.
        method: as its source spells it.
        stream: joint, motion, bone, several joined by "+", or "" where the source does not say.
        data: ntu60, ntu120, pkummd1 or pkummd2.
        split: xsub, xview or xset.
        value: a share in [0, 1].
        condition: what it has unlike the usual: an ablation's row, a number of epochs, another set
            that was pretrained on.
        source: paper and table, or repository.
        note: what a reader must know to compare it.
    """

    protocol: str
    metric: str
    method: str
    stream: str
    data: str
    split: str
    value: float
    condition: str
    source: str
    note: str


def published(data: str, split: str | None = None, protocol: str | None = None) -> list[Published]:
    """The published numbers on a data set, in the order of their sources; of all else none.

    Args:
        data: ntu60, ntu120, pkummd1 or pkummd2; other sets have none.
        split: of one split only.
        protocol: of one protocol only.
    """
    return [
        row
        for row in everything()
        if row.data == data and split in (None, row.split) and protocol in (None, row.protocol)
    ]


def pick(numbers: Iterable[Published], words: Sequence[str] | None) -> list[Published]:
    """The numbers whose method or source holds one of the words; None: all but ablations.

    Args:
        numbers: as of `published`.
        words: parts of names of methods or sources, in any case, such as `USDRL` or `Table 1`.
    """
    if words is None:
        return [number for number in numbers if not number.condition.startswith("ablation")]
    return [number for number in numbers if any(_holds(number, word) for word in words)]


def check_words(words: Iterable[str]) -> None:
    """Refuses a word for `pick` that no number holds.

    Raises:
        InputError: with the nearest method.
    """
    for word in words:
        if not word.strip() or not any(_holds(number, word) for number in everything()):
            methods = dict.fromkeys(number.method for number in everything())
            near = get_close_matches(word, methods, n=3, cutoff=0.4)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise InputError(f"no number's method or source holds {word!r}{hint}")


def _holds(number: Published, word: str) -> bool:
    return any(word.casefold() in text.casefold() for text in (number.method, number.source))


@cache
def everything() -> tuple[Published, ...]:
    """All published numbers, in the file's order."""
    text = (files(__package__) / "published.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(Published(value=float(row.pop("value")), **row) for row in rows)
