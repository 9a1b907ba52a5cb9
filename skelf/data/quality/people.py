"""Whether the numbers of subjects agree with what the clips' names say of people."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np

from ..clips import ClipSet
from .finding import Finding

_NUMBERED = re.compile(
    r"(?<![A-Za-z])(subject|subj|sub|person|participant|patient|proband|performer|actor)"
    r"[ _.\-]?0*(\d{1,9})(?!\d)",
    re.IGNORECASE,
)
_NTU = re.compile(r"S\d{3}C\d{3}P(\d{3})R\d{3}A\d{3}")


def people(clips: ClipSet) -> list[Finding]:
    """People whom names call alike and who have two numbers, as after a join of two sessions.

    A number behind a word for people counts ("subject03", NTU's P003); so does a word that, in
    each joined set, stands in all clips of one subject and in no other's.
    """
    numbers: dict[str, set[int]] = defaultdict(set)
    rows: dict[str, list[int]] = defaultdict(list)
    names = clips.names
    for i, (name, subject) in enumerate(zip(names, clips.subject.tolist(), strict=True)):
        for word in _called(name) if subject >= 0 else ():
            numbers[word].add(subject)
            rows[word].append(i)
    for word, number, row in _words_of_one(clips, names):
        numbers[word].add(number)
        rows[word] += row
    twice = sorted(word for word, subjects in numbers.items() if len(subjects) > 1)
    if not twice:
        return []
    listed = "; ".join(
        f"{word} is subject {', '.join(map(str, sorted(numbers[word])[:4]))}" for word in twice[:3]
    )
    what = f"one person with several numbers: {listed}{'; ...' if len(twice) > 3 else ''}"
    remedy = (
        "sets that show the same people are joined with --same-subjects; else a split by subject "
        "has the same person on both sides"
    )
    wrong = np.unique([row for word in twice for row in rows[word]])
    return [Finding("one-person", "warning", what, wrong, remedy)]


def _called(name: str) -> list[str]:
    """What a name calls its people, as "subject3"."""
    called = [f"{word.lower()}{number}" for word, number in _NUMBERED.findall(name)]
    return called + [f"P{number}" for number in _NTU.findall(name)]


def _words_of_one(clips: ClipSet, names: list[str]) -> list[tuple[str, int, list[int]]]:
    """Words that are people's, with their number and clips, in each of several joined sets."""
    sets = clips.columns.get("set")
    if sets is None:
        return []
    words = [set(re.findall(r"[^\W\d_]{2,}", name.rpartition("/")[2].lower())) for name in names]
    chosen = []
    for number in np.unique(sets):
        here = np.flatnonzero((sets == number) & (clips.subject >= 0)).tolist()
        by_subject: dict[int, list[int]] = defaultdict(list)
        for i in here:
            by_subject[int(clips.subject[i])].append(i)
        if len(by_subject) < 2:  # any word is one subject's then
            continue
        for subject, clips_of_subject in by_subject.items():
            shared = set.intersection(*(words[i] for i in clips_of_subject))
            others = set().union(*(words[i] for i in here if clips.subject[i] != subject))
            chosen += [(word, subject, clips_of_subject) for word in sorted(shared - others)]
    return chosen
