"""Events with a start and an end from files: CSV, ELAN, BORIS, Audacity; sources D6."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np

from ...errors import InputError
from ..formats.csv_header import separators
from ..formats.landmark_columns import LABEL, VIDEO, place_of, plain
from ..formats.members import Member
from ..formats.text import Table, number, read_csv, read_text

EVERY = "*"
"""The name that stands for all tiers of ELAN's files."""
SUFFIXES = {".csv", ".tsv", ".txt", ".eaf"}
MOST_BYTES = 1 << 25  # ELAN's files of many hours have a few MB
NAMES = ("name", *VIDEO, "observation_id", "path")
LABELS = (*LABEL, "behavior", "behaviour", "event", "annotation", "value", "category")
RECORDING = "skelf:recording"
"""The property of ELAN's files in which skelf names the recording."""
_UNITS = {"": "", "time": "s", "s": "s", "sec": "s", "secs": "s", "seconds": "s"}
_UNITS |= {"ms": "ms", "msec": "ms", "milliseconds": "ms", "frame": "frame", "frames": "frame"}
_START, _END = "start|begin|onset|from|first", "end|stop|offset|to|last|finish"
_LABEL = re.compile(r"(\d+(?:\.\d+)?)\t(\d+(?:\.\d+)?)\t?(.*)")  # of Audacity
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,3}):(\d{1,2}(?:\.\d+)?)")


class Event(NamedTuple):
    """Something that happens in a recording.

    Args:
        clips: names that its recording may have, the first one that there is counts.
        start: when it begins.
        end: when it ends, exclusive.
        unit: of both: "s" or "frame".
        label: its class.
        where: file and place, for messages.
    """

    clips: tuple[str, ...]
    start: float
    end: float
    unit: str
    label: str
    where: str


def read_events(member: Member, tier: str = "") -> list[Event]:
    """The events of one file.

    Args:
        member: the file; `.eaf` is ELAN's, a `.txt` of start, end and label between tabs is of
            Audacity, the others are tables with a header.
        tier: of ELAN's file; empty: the only one with annotations; `EVERY`: all of them.

    Raises:
        InputError: the message names file, place and remedy.
    """
    if member.name.suffix.lower() == ".eaf":
        return _elan(member, tier)
    if member.name.suffix.lower() == ".txt" and (labels := _audacity(member)):
        return labels
    delimiter, decimal = separators(member)
    return list(_table(member, read_csv(member, delimiter, decimal=decimal)))


def _table(member: Member, table: Table) -> Iterator[Event]:
    """A row for each event: a CSV of one's own, or BORIS's aggregated events."""
    header = [plain(re.sub(r"[\[\]()#]", " ", cell)).strip("_") for cell in table.header]
    where = table.where
    if {"behavior", "behavior_type", "time"} <= {*header} or {"behavior", "status"} <= {*header}:
        raise InputError(
            f"{where}: BORIS's export of single events; export aggregated events (Observations > "
            "Export events > Aggregated events), which have a start and a stop"
        )
    start, end = _bound(header, _START, where), _bound(header, _END, where)
    label = place_of(header, LABELS)
    if label is None:
        raise InputError(f"{where}: no column 'label' (there are {_some(table)}); add it")
    if start[1] != end[1]:
        raise InputError(
            f"{where}: {table.header[start[0]]!r} and {table.header[end[0]]!r} are in two units; "
            "use one"
        )
    unit = start[1] or _plain_unit(table, start[0], end[0])
    file = [i for i, name in enumerate(header) if name.startswith("media_file")]
    names = [place for place in (place_of(header, NAMES), *file[:1]) if place is not None]
    inclusive = unit == "frame" and header[end[0]].startswith("last")
    for row, line in zip(table.rows, table.lines, strict=True):
        here = f"{where}: line {line}"
        cells = [cell.strip() for cell in row] + [""] * (len(header) - len(row))
        first, last = (_moment(cells[at], f"{here}: {table.header[at]}")
                       for at in (start[0], end[0]))  # fmt: skip
        if not cells[label]:
            raise InputError(f"{here}: no {table.header[label]}; name what happens")
        if last < first:
            raise InputError(f"{here}: ends at {last:g}, before it starts at {first:g}; mend it")
        clips = [part for at in names for part in cells[at].split(";") if part.strip()]
        if names and not clips:
            raise InputError(f"{here}: no {table.header[names[0]]}; name the recording")
        scale = 0.001 if unit == "ms" else 1.0
        yield Event(
            tuple(clips) or (str(member.name),),
            first * scale,
            last * scale + inclusive,
            "frame" if unit == "frame" else "s",
            cells[label][:200],
            here,
        )


def _bound(header: Sequence[str], words: str, where: str) -> tuple[int, str]:
    """The column of a start or an end, and its unit; empty where its name has none."""
    for at, cell in enumerate(header):
        match = re.fullmatch(rf"(?:(frame|time)_)?(?:{words})(?:_([a-z]+))?", cell)
        unit = (match[2] or match[1] or "") if match else "no"
        if unit in _UNITS:
            return at, _UNITS[unit]
    word = words.partition("|")[0]
    raise InputError(
        f"{where}: no column '{word}_s' or '{word}_frame', seconds or frames (there are "
        f"{', '.join(header[:8])[:200]}); add it"
    )


def _plain_unit(table: Table, *columns: int) -> str:
    """Seconds, where a start or an end has a fraction; whole numbers could be either."""
    cells = [row[at].strip() for row in table.rows for at in columns if at < len(row)]
    if any("." in cell or ":" in cell for cell in cells):
        return "s"
    names = " and ".join(repr(table.header[at]) for at in columns)
    raise InputError(
        f"{table.where}: {names} hold whole numbers, seconds or frames? Call the columns start_s "
        "and end_s, or start_frame and end_frame (exclusive)"
    )


def _moment(cell: str, where: str) -> float:
    """A number, or a time as 00:01:02.5 in seconds.

    Raises:
        InputError: something else, or below zero.
    """
    clock = _CLOCK.fullmatch(cell)
    if clock:
        return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
    value = number(cell, where)
    if not value >= 0:
        raise InputError(f"{where}: {cell[:40]!r}; write a number from 0, as 2.5")
    return value


def _audacity(member: Member) -> list[Event]:
    """Labels of Audacity; none where the file is a table of another form."""
    events = []
    for at, line in enumerate(read_text(member, MOST_BYTES).splitlines(), 1):
        if not line.strip() or line.startswith("\\"):  # the second line of a spectral label
            continue
        match = _LABEL.fullmatch(line)
        if match is None:
            return []
        first, last, label = float(match[1]), float(match[2]), match[3].strip()
        here = f"{member}: line {at}"
        if last < first:
            raise InputError(f"{here}: ends at {last:g}, before it starts at {first:g}; mend it")
        if not label:
            raise InputError(f"{here}: no label; name what happens")
        events.append(Event((str(member.name),), first, last, "s", label[:200], here))
    return events


def _some(table: Table) -> str:
    return ", ".join(table.header[:8])[:200]


def _elan(member: Member, tier: str) -> list[Event]:
    """The annotations of one tier; an empty one is called like its tier."""
    text = read_text(member, MOST_BYTES)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities could unpack to any amount of memory
        raise InputError(f"{member}: declares XML entities, which ELAN never does; export it again")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise InputError(f"{member}: not XML, or cut off ({error}); copy the file again") from None
    if root.tag != "ANNOTATION_DOCUMENT":
        raise InputError(f"{member}: not a file of ELAN (its root is {root.tag[:40]!r})")
    slots = _slots(member, root)
    tiers = {
        str(element.get("TIER_ID", "")): element.findall("ANNOTATION/ALIGNABLE_ANNOTATION")
        for element in root.iter("TIER")
    }
    filled = {name: annotations for name, annotations in tiers.items() if annotations}
    if not filled:
        return []
    if tier not in ("", EVERY) and tier not in tiers:
        raise InputError(f"{member}: no tier {tier!r}; there are {', '.join(tiers)}")
    if not tier and len(filled) > 1:
        raise InputError(
            f"{member}: several tiers have annotations; name one: tier="
            f"{' or tier='.join(repr(name) for name in filled)}, or all: tier='*'"
        )
    chosen = [*filled] if tier == EVERY else [tier or next(iter(filled))]
    media = [unquote(m.get("MEDIA_URL", "")) for m in root.iter("MEDIA_DESCRIPTOR")]
    own = [p.text or "" for p in root.iter("PROPERTY") if p.get("NAME") == RECORDING]
    clips = (str(member.name), *(name for name in (*own, *media) if name))
    events = []
    for own_tier, annotation in ((each, a) for each in chosen for a in tiers[each]):
        here = f"{member}: tier {own_tier}: {annotation.get('ANNOTATION_ID', '')}"
        bounds = [annotation.get(f"TIME_SLOT_REF{at}", "") for at in (1, 2)]
        if not all(bound in slots for bound in bounds):
            raise InputError(f"{here}: its time slots are not in the file; export it again")
        first, last = (slots[bound] for bound in bounds)
        if last < first:
            raise InputError(f"{here}: ends before it starts; mend it in ELAN")
        label = " ".join((annotation.findtext("ANNOTATION_VALUE") or "").split())[:200]
        events.append(Event(clips, first / 1000, last / 1000, "s", label or own_tier, here))
    return events


def _slots(member: Member, root: ElementTree.Element) -> dict[str, float]:
    """Slot -> milliseconds; one without a time lies evenly between those that have one."""
    unit = next((str(h.get("TIME_UNITS", "milliseconds")) for h in root.iter("HEADER")), "")
    if unit not in ("", "milliseconds"):
        raise InputError(f"{member}: TIME_UNITS {unit[:40]!r}; save it with milliseconds")
    names = [str(slot.get("TIME_SLOT_ID", "")) for slot in root.iter("TIME_SLOT")]
    written = [slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")]
    times = [
        None if value is None else _moment(value, f"{member}: TIME_VALUE") for value in written
    ]
    known = [at for at, time in enumerate(times) if time is not None]
    if not known:
        return {}
    between = slice(known[0], known[-1] + 1)
    filled = np.interp(range(len(names)), known, [times[at] or 0.0 for at in known])
    return dict(zip(names[between], filled[between].tolist(), strict=True))
