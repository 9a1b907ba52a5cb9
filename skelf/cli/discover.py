"""`skelf discover`: what happens again and again in recordings, without labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..data.clips import utf8
from ..discover.options import Discover
from ..errors import InputError
from ..folders import DISCOVERED, check_folder, writing_folder
from ..locks import holding
from ..outputs import STORE
from ..settings.given import parse_override
from ..settings.options import table
from ..settings.settable import filled
from ..settings.values import Value
from .arguments import Device, Force, Scheduler, Workers
from .given_data import Format, Layout, Unit, Up, seen_by_all
from .notes import note, warnings_as_notes


def discover(
    context: typer.Context,
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="A store, or a file or folder of recordings.")
    ],
    run: Annotated[
        str, typer.Option("--run", help="A run, a checkpoint or model folder, or a hub name.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write.")],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help=f"Settings: {', '.join(table(Discover))}; and options of DATA's format.",
        ),
    ] = None,
    format_: Format = None,
    layout: Layout = None,
    unit: Unit = None,
    up: Up = None,
    device: Device = "auto",
    force: Force = False,
    scheduler: Scheduler = None,
    workers: Workers = 1,
) -> None:
    """Cuts recordings where the motion changes, and groups what is alike; no label is read.

    Example: skelf discover recordings.h5 --run run --out found

    Example: skelf discover videos/ --run run --out found penalty=0.5 min_cluster_size=10

    Example: skelf discover archive.h5 --run run --out found --workers 8
    """
    how, options = _settings(data, words or ())
    context.with_resource(holding(out))
    check_folder(out, DISCOVERED, replace=force)
    console = Console()
    say = partial(note, console)
    # Not above: `--help` has no use for torch.
    from ..cluster import gathered
    from ..discover.many import discover as found_by
    from ..discover.write import write_files
    from ..inference.adapt import adapted
    from ..inference.bulk.once import known
    from ..inference.source import read_data
    from ..machine.devices import choose_device
    from ..opening import versions
    from ..pages.discovered import discovered
    from ..pages.html import write

    with warnings_as_notes(console):
        encoder, scratch = known(run), out.absolute().parent
        clips = read_data(
            data, format=format_, layout=layout, options=options, say=say, scratch=scratch
        )
        needs = encoder.needs._replace(name=run)
        ready = adapted(clips, needs, unit=unit, up=up, say=say, scratch=scratch)
        if scheduler is None:
            choose_device(device, "--device")
        with (
            gathered(scheduler, workers, paths=seen_by_all([data], out, run), say=say) as crew,
            _bar(console) as bar,
        ):
            task = bar.add_task("", total=None)
            found = found_by(
                crew, run, encoder, ready, how, out, device=device,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )  # fmt: skip
    about = {"data": data.name, "run": run, "versions": versions()}
    with writing_folder(out) as folder:
        write_files(found, data, folder, about)
        words_ = " ".join(words or ())
        made = f"skelf discover {data.name} --run {run} {words_}".strip()
        write(folder / "index.html", discovered(found, utf8(data.stem), made))
    console.print(
        f"{escape(utf8(str(out)))}: {len(found.segments):,} segments in {len(ready):,} recordings, "
        f"{found.count} clusters; see {escape(utf8(str(out / 'index.html')))}",
        soft_wrap=True,
        highlight=False,
    )


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("encoding"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _settings(data: Path, words: Sequence[str]) -> tuple[Discover, list[str]]:
    """What the words set here, and those that are options of the data's format."""
    own: dict[str, Value] = {}
    others: list[str] = []
    plain = data.is_file() and STORE.holds(data)  # a store's format has no options
    for word in words:
        if "=" not in word:
            raise InputError(f"{word!r}: write KEY=VALUE; one folder or file is read at a time")
        bare = word.removeprefix("discover.")
        if bare.partition("=")[0] in table(Discover) or plain or bare != word:
            key, value = parse_override(f"discover.{bare}")
            own[key.removeprefix("discover.")] = value
        else:
            others.append(word)
    return filled(Discover, own, section="discover", source="discover"), others
