"""Writers: a ClipSet as the files that other programs read.

To add a format: its module, a line in `WRITERS`, one in `FORMS`, and where it writes files one in
`outputs.EXPORTS`, which says what a file of the format may replace. A writer of whole sets is
called with the set and a path; one of single clips with the set, the clip's number and a path, and
with `person=` where its files are of one person.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from ...settings.settable import options_of
from ...tables import Table

# What each takes and gives, `FORMS` says.
WRITERS: Table[Callable[..., Any]] = Table(
    __name__,
    {
        "npz": "npz.write_npz",
        "pyskl": "pyskl.write_pyskl",
        "bvh": "bvh.write_bvh",
        "c3d": "c3d.write_c3d",
        "trc": "trc.write_trc",
        "csv": "plain_csv.write_csv",
        "arrays": "field_arrays.write_field_arrays",
        "ctrgcn": "field_arrays.write_ctr_npz",
    },
)


class Form(NamedTuple):
    """What files a format has.

    Args:
        suffix: of a file; empty: the set is a folder of the writer's own files.
        named: a file's suffix does not say this format, another one has it too.
        single: a file is one clip.
        apart: a file is one person of a clip.
    """

    suffix: str
    single: bool = False
    apart: bool = False
    named: bool = False


FORMS = {
    "npz": Form(".npz"),
    "pyskl": Form(".pkl"),
    "bvh": Form(".bvh", single=True, apart=True),
    "c3d": Form(".c3d", single=True, apart=True),
    "trc": Form(".trc", single=True, apart=True),
    "csv": Form(".csv", single=True),
    "arrays": Form(""),
    "ctrgcn": Form(".npz", named=True),
}


def writer_options(name: str) -> Any | None:  # a class; its type depends on the name
    """The options class of a format's writer; None where there is nothing to choose."""
    writer = WRITERS[name]
    return options_of(writer, "how") if "how" in inspect.signature(writer).parameters else None
