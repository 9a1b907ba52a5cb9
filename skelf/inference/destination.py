"""Where predictions go: which writer by a file's name, and that nothing is lost there."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from .. import outputs
from ..errors import InputError, unknown
from .writers import WRITERS

KIND = {
    "csv": outputs.PREDICTIONS_CSV, "json": outputs.PREDICTIONS_JSON, "eaf": outputs.EAF,
    "boris": outputs.BORIS, "audacity": outputs.AUDACITY, "store": outputs.STORE,
}  # fmt: skip
SUFFIX = {
    "csv": ".csv", "json": ".json", "eaf": ".eaf", "boris": ".csv", "audacity": ".txt",
    "store": ".h5",
}  # fmt: skip
ONE_RECORDING = ("eaf", "audacity")
TIMED = (*ONE_RECORDING, "boris")
"""Writers of segments alone."""


class Destination(NamedTuple):
    """Where predictions go.

    Args:
        path: a file, or a folder with a file for each recording.
        to: a name in `WRITERS`.
    """

    path: Path
    to: str


def destination(
    out: Path, to: str | None, kind: str, files: int, *, inputs: list[str], replace: bool
) -> Destination:
    """Checks where predictions are to go, before anything is computed.

    Args:
        out: a file; for a file for each recording a folder, or a name without a suffix.
        to: the writer; None: by the file's name.
        kind: classifier or detector.
        files: that are read.
        inputs: paths that are read.
        replace: whether what is there may be replaced, if it is of the same kind.

    Raises:
        InputError: a name that says no writer, answers where times are needed, several files for a
            format of one recording, or `outputs.check_output` refuses.
    """
    name = to or _by_name(out)
    if name not in WRITERS:
        raise unknown("--to", name, WRITERS)
    if kind != "detector" and name in TIMED:
        raise InputError(
            f"{out}: a classifier says what a clip is, not when something happens: name a .csv, a "
            ".json or an .h5"
        )
    if name in ONE_RECORDING and (out.is_dir() or not out.suffix):
        out.mkdir(parents=True, exist_ok=True)
        there = sorted(out.glob(f"*{SUFFIX[name]}"))
        if there and not replace:
            raise InputError(
                f"{out}: holds {there[0].name} already; choose another folder, or replace what is "
                "called alike with --force"
            )
        for file in there:
            outputs.check_output(file, KIND[name], inputs=inputs, replace=True)
        return Destination(out, name)
    if name in ONE_RECORDING and files > 1:
        raise InputError(
            f"{out}: {KIND[name].title} is of one recording, and {files} are read: name a folder, "
            f"as --out {out.stem}/ --to {name}"
        )
    outputs.check_output(out, KIND[name], inputs=inputs, replace=replace)
    return Destination(out, name)


def _by_name(out: Path) -> str:
    if out.name.lower().endswith((".boris.csv", ".boris.tsv")):
        return "boris"
    for name, suffix in SUFFIX.items():
        if out.suffix.lower() == suffix:
            return name
    raise InputError(
        f"{out}: name a file that ends in .csv, .json, .eaf, .boris.csv, .txt (Audacity) or .h5, "
        f"or say with --to which of {', '.join(WRITERS)}"
    )
