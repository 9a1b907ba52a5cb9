"""Readers that take their options by key, as the command line has them: `read(path, fps=30)`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from skelf.data.clips import ClipSet
from skelf.data.readers import READERS, reader_options
from skelf.settings.options import from_flat


def by_keys(name: str) -> Callable[..., ClipSet]:
    """The reader of a format; without a key it is called without options."""

    def read(
        path: str | Path,
        layout: Any = None,
        *,
        progress: Any = None,
        scratch: Any = None,
        **values: Any,
    ) -> ClipSet:
        how = (from_flat(reader_options(name), values),) if values else ()
        meanwhile = {"progress": progress, "scratch": scratch}
        meanwhile = {key: value for key, value in meanwhile.items() if value is not None}
        return READERS[name](path, layout, *how, **meanwhile)

    return read
