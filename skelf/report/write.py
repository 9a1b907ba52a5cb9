"""`skelf report`: one page of all runs and results below some folders.

`gather` reads; `page` and, if a store is named, `maps` say what the page shows. Runs that differ in
nothing but the seed are one setup (`setup`): their numbers are averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .. import __version__
from ..data.clips import ClipSet
from ..errors import InputError
from ..outputs import PAGE, check_output
from ..pages import html
from . import page as contents
from .commands import commands
from .gather import gather
from .store import open_store


def write_report(
    places: Sequence[str | Path],
    out: str | Path,
    *,
    data: str | Path | ClipSet | None = None,
    split: str | None = None,
    umap: bool = False,
    title: str = "skelf report",
    lead: str = "",
    overwrite: bool = True,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[Path, list[str]]:
    """Writes one page of all runs and results below some folders.

    Args:
        places: folders to search for run folders (config.json and log.jsonl) and `results*.json`
            with the scores beside them; a file of rows may be named itself, whatever it is called.
        out: the page.
        data: a store; with it the page shows maps of the test clips' features, nearest neighbours
            and what guessing gives.
        split: of `data`: the test side is mapped, neighbours come from the train side.
        umap: draw UMAP maps beside those of t-SNE; needs umap-learn.
        title: the page's.
        lead: what the page is about, in a sentence or two; stands before how much it rests on.
        overwrite: a page that is there is replaced; otherwise it is refused. What is read, and
            what is no page, is never replaced.
        say: told what takes time, a line a step.

    Returns:
        The page's path, and what could not be read, a sentence each; the page says it too.

    Raises:
        InputError: nothing to show, no such folder or split, a store that cannot be read, or `out`
            must not or cannot be written.
    """
    if (data is None) != (split is None):
        raise InputError("--data and --split go together: a store, and which of its splits")
    out = Path(out)
    store_path = data.path if isinstance(data, ClipSet) else data
    inputs = [*places, *([store_path] if store_path else [])]
    check_output(out, PAGE, inputs=inputs, replace=overwrite)  # now, not after minutes of work
    evidence = gather(places)
    store = None if data is None or split is None else open_store(data, split)
    sections = contents.sections(evidence, store)
    if store is not None:
        from . import maps  # torch takes seconds, and most reports need none of it

        sections += maps.sections(evidence, store, umap=umap, say=say)
    sections += commands(evidence, store)
    page = html.page(
        title,
        [*sections, *contents.remarks(evidence.notes)],
        lead=" ".join(filter(None, (lead, contents.lead(evidence)))),
        notice=contents.notice(evidence),
        footer=f"skelf {__version__}. This page holds everything it shows and loads nothing.",
    )
    return html.write(out, page), evidence.notes
