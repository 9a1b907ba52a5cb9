"""Labels of markers as names of joints, which must differ."""

from __future__ import annotations

from collections.abc import Sequence


def numbered(labels: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Labels of which the second of one name has `_2` behind it, and a note.

    >>> numbered(["LSHO", "RSHO", "LSHO"])[0]
    ('LSHO', 'RSHO', 'LSHO_2')
    """
    taken, written = set(), {*labels}
    names: list[str] = []
    for label in labels:
        name, number = label, 1
        while name in taken or (number > 1 and name in written):
            number += 1
            name = f"{label}_{number}"
        taken.add(name)
        names.append(name)
    repeated = [f"{name} for {label}" for name, label in zip(names, labels, strict=True)
                if name != label]  # fmt: skip
    notes = [f"labels that stand twice are numbered: {', '.join(repeated[:4])}"] if repeated else []
    return tuple(names), notes
