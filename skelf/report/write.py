"""`skelf report`: one page of all runs and results below some folders.

`gather.py` reads, `page.py` and, where a store is given, `maps.py` say what the page shows. Runs
that differ in nothing but the seed are one setup (`setup.py`): their numbers are averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .. import __version__
from ..data.clips import ClipSet
from ..errors import InputError
from ..files import refuse_unwritable
from ..pages import html
from . import page as run_page
from .gather import gather


def write_report(
    places: Sequence[str | Path],
    out: str | Path,
    *,
    data: str | Path | ClipSet | None = None,
    split: str | None = None,
    umap: bool = False,
    title: str = "skelf report",
    say: Callable[[str], None] = lambda text: None,
) -> tuple[Path, list[str]]:
    """Writes one page of all runs and results below some folders.

    Args:
        places: folders to search for run folders (config.json and log.jsonl) and `results*.json`
            with the scores beside them; a file of rows may be named itself, whatever it is called.
        out: the page.
        data: a store; with it the page shows maps of the test clips' features and nearest
            neighbours.
        split: of `data`: the test side is mapped, neighbours come from the train side.
        umap: draw UMAP maps beside those of t-SNE; needs umap-learn.
        title: the page's.
        say: told what takes time, a line a step.

    Returns:
        The page's path, and what could not be read, a sentence each; the page says it too.

    Raises:
        InputError: nothing to show, no such folder or split, a store that cannot be read, or `out`
            cannot be written.
    """
    if (data is None) != (split is None):
        raise InputError("--data and --split go together: a store, and which of its splits")
    out = Path(out)
    refuse_unwritable(out)  # now, not after minutes of work
    found = gather(places)
    sections = run_page.sections(found)
    if data is not None and split is not None:
        from . import maps as run_maps

        clips = data if isinstance(data, ClipSet) else ClipSet.open(data)
        sections += run_maps.sections(found, clips, split, umap=umap, say=say)
    page = html.page(
        title,
        [*sections, *run_page.remarks(found.notes)],
        lead=run_page.lead(found),
        notice=run_page.notice(found),
        footer=f"skelf {__version__}. This page holds everything it shows and loads nothing.",
    )
    return html.write(out, page), found.notes
