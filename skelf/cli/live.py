"""`skelf live`: frames in, events out, as it happens."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from threading import Thread
from typing import Annotated

import typer
from rich.console import Console

from ..errors import InputError
from ..machine.signals import Pause, Terminated
from ..settings.given import parse_override
from ..settings.options import table
from ..settings.settable import filled
from ..settings.values import Value
from . import complete
from .notes import note


def live(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model folder, by `skelf fit`; or a hub name.")
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Options: way, rate, fps, window, stride, fill, keep, smoothing, enter, "
            "leave, top, queue, full; see docs/live.md.",
        ),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="WIRE",
            help="-, udp://HOST:PORT, ws://HOST:PORT/PATH, ws-listen://HOST:PORT.",
        ),
    ] = "-",
    sink: Annotated[
        str,
        typer.Option("--to", metavar="WIRE", help="Likewise; one address for both: it answers."),
    ] = "-",
    layout: Annotated[
        str | None,
        typer.Option(
            "--layout",
            help="Layout of joints that come as lists; else the model's.",
            autocompletion=complete.layouts,
        ),
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="Of the coordinates: m, cm, mm, in.")
    ] = None,
    up: Annotated[
        str | None, typer.Option("--up", help="The axis that points up: y, -y, z, -z.")
    ] = None,
) -> None:
    r"""Says what people do while they do it: frames as JSON come in, events as JSON go out.

    A frame is {"t": seconds, "person": id, "joints": \[\[x, y, z], ...]}, a joint that is missing
    null; joints may come by name, as {"Head": \[x, y, z], ...}. Without "person" there is one, and
    without "t" the moment of arrival counts. A detector answers {"event": "start" or "end", ...},
    a classifier {"event": "class", ...}. {"request": "stats"} asks for counts and latency,
    {"request": "end"} ends; so do the source's end, Ctrl-C and SIGTERM.

    Example: camera_program | skelf live MODEL

    Example: skelf live MODEL --from udp://127.0.0.1:9000 --to udp://127.0.0.1:9001 --unit mm --up z

    Example: skelf live MODEL --from ws-listen://127.0.0.1:9000 --to ws-listen://127.0.0.1:9000
    """
    from ..inference.model import load_model
    from ..layouts import layout as named_layout
    from ..live.inbox import Inbox
    from ..live.options import Live
    from ..live.run import Gone, run
    from ..live.session import Session
    from ..live.wires import opened, start

    console = Console(stderr=True)
    how: Live = filled(Live, _given(words or (), table(Live)), section="live", source="")
    session = Session(
        load_model(model),
        how,
        layout=None if layout is None else named_layout(layout),
        unit=unit,
        up=up,
        say=lambda text: note(console, text),
    )
    ends = opened(source, sink)
    inbox = Inbox(how.queue, waits=ends.waits if how.full == "auto" else how.full == "wait")
    try:
        with Pause("") as pause:
            Thread(target=start(ends.source, inbox), daemon=True).start()
            note(console, f"frames from {ends.source.name}, events to {ends.sink.name}")
            try:
                run(session, inbox, ends.sink.send, stop=pause)
            except Gone:
                note(console, "nobody reads the events any more")
    finally:
        inbox.close()
        ends.close()
    console.print(session.counts.said(), highlight=False, markup=False, soft_wrap=True)
    if session.counts.of["dropped"] and how.full == "auto" and source == "-":
        note(console, "frames came too fast and old ones went; full=wait keeps the source waiting")
    if session.counts.rubbish and not session.counts.of["frames"]:
        raise InputError(f"{source}: no frame in it could be read; see docs/live.md for the format")
    if pause.signal == signal.SIGTERM:
        raise Terminated


def _given(words: Sequence[str], known: Iterable[str]) -> dict[str, Value]:
    """KEY=VALUE words; a key may have its section before it, `live.`."""
    values: dict[str, Value] = {}
    for word in words:
        if "=" not in word:
            raise InputError(f"{word!r}: write KEY=VALUE; known: {', '.join(known)}")
        key, value = parse_override(f"live.{word.removeprefix('live.')}")
        values[key.removeprefix("live.")] = value
    return values
