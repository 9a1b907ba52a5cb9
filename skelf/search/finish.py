"""What makes an index whole once its parts are there: cells, where it is large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from . import approximate
from . import manifest as manifests
from .manifest import Approximation, Manifest
from .opened import Opened
from .recall import NEAREST, measure

GROWN = 2
"""Times as many windows as cells were found by, beyond which they are found anew."""


def finished(
    folder: Path,
    manifest: Manifest,
    say: Callable[[str], None],
    report: Callable[[str, int, int], None],
) -> Manifest:
    """Brings the approximate index up to date where one is due, and says that the index is whole.

    Args:
        folder: the index.
        manifest: of all its parts.
        say: told in a line what the approximate index finds.
        report: called with what is done, how much of it, and all of it.

    Raises:
        InputError: a part is damaged.
        OSError: it could not be written.
    """
    about = manifest.approximation
    if manifest.windows <= manifest.how.exact_up_to:
        about = None
    elif about is None or about.parts < len(manifest.parts):
        opened = Opened.read(folder, replace(manifest, approximation=None))
        about = _built(folder, manifest, opened, report)
        say(
            f"approximate: {about.kind}, {about.probes} of them looked into; finds "
            f"{about.recall:.1%} of the {NEAREST} nearest, by {about.queries} queries"
        )
    manifest = replace(manifest, approximation=about, whole=True)
    manifests.write(folder, manifest)
    for path in folder.glob("approximate-*.faiss"):
        if about is None or path.name != about.file:
            path.unlink()
    return manifest


def _built(
    folder: Path, manifest: Manifest, opened: Opened, report: Callable[[str, int, int], None]
) -> Approximation:
    before, parts = manifest.approximation, opened.parts
    keeps = before is not None and manifest.windows <= GROWN * _count(manifest, before.centred)
    if before is not None and keeps:
        opened = opened.centred_on(before.centred)
        cells = approximate.read(folder / before.file, before.checksum)
        approximate.add(cells, parts[before.parts :], opened.space, report)
        centred = before.centred
    else:
        cells, centred = approximate.build(parts, opened.space, report), len(parts)
    report("measuring recall", 0, 0)
    probes, share, queries = measure(
        cells, opened.rows, opened.blocks, opened.keys, manifest.how.recall
    )
    name = f"approximate-{len(parts):06d}.faiss"
    return Approximation(
        file=name,
        checksum=approximate.write(cells, folder / name),
        kind=f"{cells.nlist} cells (faiss IVF, 8 bits a number)",
        parts=len(parts),
        centred=centred,
        windows=manifest.windows,
        probes=probes,
        recall=share,
        queries=queries,
    )


def _count(manifest: Manifest, parts: int) -> int:
    return sum(part.windows for part in manifest.parts[:parts])
