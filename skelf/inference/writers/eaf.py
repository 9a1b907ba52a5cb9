"""Segments as ELAN's file of annotations, one recording each; sources D6."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from ...data.annotations.segment_files import RECORDING
from ..segments import Segment
from .recordings import Named

TIER = "skelf"
_SCHEMA = (
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd"'
)
_TYPE = (
    '<LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" '
    'TIME_ALIGNABLE="true"/>'
)


def eaf(named: Named) -> str:
    """The whole file: a tier "skelf", of several persons one each.

    What overlaps goes to further tiers, since annotations of one tier may not. Times are in whole
    milliseconds.
    """
    tiers = _tiers(named.segments)
    bounds = [_milliseconds(s) for listed in tiers.values() for s in listed]
    slots: list[int] = []
    tier_texts = []
    for tier, listed in tiers.items():
        annotations = []
        for segment in listed:
            first = len(slots) + 1
            slots += _milliseconds(segment)
            annotations.append(
                f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{(first + 1) // 2}" '
                f'TIME_SLOT_REF1="ts{first}" TIME_SLOT_REF2="ts{first + 1}"><ANNOTATION_VALUE>'
                f"{escape(segment.label)}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
            )
        tier_texts.append(
            f'<TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID={quoteattr(tier)}>\n'
            + "\n".join(annotations)
            + "\n</TIER>"
        )
    return _document(named.name, slots, tier_texts, len(bounds))


def _document(name: str, slots: Sequence[int], tiers: Sequence[str], last: int) -> str:
    order = sorted(range(len(slots)), key=lambda at: slots[at])  # as ELAN has them, in time
    times = "\n".join(
        f'<TIME_SLOT TIME_SLOT_ID="ts{at + 1}" TIME_VALUE="{slots[at]}"/>' for at in order
    )
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<ANNOTATION_DOCUMENT AUTHOR="skelf" DATE="{date}" FORMAT="3.0" VERSION="3.0" {_SCHEMA}>\n'
        '<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">\n'
        f"<PROPERTY NAME={quoteattr(RECORDING)}>{escape(name)}</PROPERTY>\n"
        f'<PROPERTY NAME="lastUsedAnnotationId">{last}</PROPERTY>\n</HEADER>\n'
        f"<TIME_ORDER>\n{times}\n</TIME_ORDER>\n" + "\n".join(tiers) + f"\n{_TYPE}\n"
        "</ANNOTATION_DOCUMENT>\n"
    )


def _tiers(segments: Sequence[Segment]) -> dict[str, list[Segment]]:
    """Tier -> its segments, none of which overlap."""
    tiers: dict[str, list[Segment]] = {}
    for segment in sorted(segments, key=lambda s: (s.start, s.end)):
        base = TIER if segment.person < 0 else f"{TIER} person {segment.person}"
        number, tier = 1, base
        while tier in tiers and _milliseconds(tiers[tier][-1])[1] > _milliseconds(segment)[0]:
            number += 1
            tier = f"{base} {number}"
        tiers.setdefault(tier, []).append(segment)
    return tiers or {TIER: []}


def _milliseconds(segment: Segment) -> tuple[int, int]:
    start, end = (round(1000 * bound) for bound in (segment.start, segment.end))
    return start, max(end, start + 1)
