"""The server: one process, one project, any number of windows."""

from __future__ import annotations

import asyncio
import gc
import secrets
import socket
import webbrowser
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from nicegui import Client, ui

from ...errors import InputError
from . import layout
from .actions import ACTIONS
from .guard import Guard
from .panels import start
from .routes import add_routes
from .studio import Studio
from .window import Window

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke-width="3" '
    'stroke-linecap="round"><circle cx="16" cy="6" r="3.4" fill="#59636e"/><path d="M16 10v9" '
    'stroke="#59636e"/><path d="M16 12l-8 5M16 19l-5 9" stroke="#0072b2"/><path d="M16 12l8-3M16 '
    '19l6 9" stroke="#d55e00"/></svg>'
)
EVERYWHERE = ("0.0.0.0", "::")
_STYLE = (Path(__file__).parent / "assets" / "studio.css").read_text(encoding="utf-8")


def application(studio: Studio, title: str) -> FastAPI:
    """The page and its routes; whoever serves it puts a `Guard` before it."""

    @asynccontextmanager
    async def alive(app: FastAPI) -> Any:  # FastAPI's own type is private
        watching = asyncio.create_task(studio.watch())
        studio.go_on()
        yield
        watching.cancel()
        studio.close()

    app = FastAPI(lifespan=alive, docs_url=None, redoc_url=None, openapi_url=None)
    add_routes(app, studio)

    def root(client: Client) -> None:
        ui.add_css(_STYLE)
        ui.add_head_html('<script>document.documentElement.lang = "en"</script>')
        window = Window(studio, client, ACTIONS)
        ui.on_exception(window.failed)
        studio.changed.subscribe(window.heard)
        if not studio.is_entered:
            start.build(window)
        else:
            layout.build(window)

    ui.run_with(
        app, root=root, title=title, favicon=_ICON, dark=None, tailwind=False,
        show_welcome_message=False, cache_control_directives="no-cache", reconnect_timeout=20.0,
    )  # fmt: skip
    return app


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        InputError: the address is not this machine's, or the port is taken.
    """
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(kind, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise InputError(
            f"{host}:{port}: cannot listen there: {error.strerror}; choose another --port"
        ) from None
    return listening


def names_of(host: str) -> list[str]:
    """Names by which who listens at an address is reached, the one to print first.

    Whoever listens at every address of the machine is reached by its name and by each of them.
    """
    if host not in EVERYWHERE:
        return [f"[{host}]" if ":" in host else host]
    names = [socket.gethostname()]
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("192.0.2.1", 9))  # an address of documentation; nothing is sent
        names.insert(0, str(out.getsockname()[0]))
    with suppress(OSError):
        names += [str(found[4][0]) for found in socket.getaddrinfo(names[-1], None)]
    return list(dict.fromkeys(f"[{name}]" if ":" in name else name for name in names))


def serve(
    studio: Studio,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    say: Callable[[str], None],
    show: bool = True,
) -> None:
    """Serves until it is told to end.

    Args:
        studio: what is served.
        host: the address to listen at; another than this machine's own lets others in who have the
            token.
        port: 0 takes a free one.
        say: is told the address, with the token in it.
        show: opens the browser.

    Raises:
        InputError: it cannot listen there.
    """
    listening = bound(host, port)
    number, token = listening.getsockname()[1], secrets.token_urlsafe(24)
    names = names_of(host)
    name = names[0]
    app = Guard(application(studio, f"{studio.folder.name}: skelf studio"), token, number, names)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", ws_max_size=1 << 24, timeout_graceful_shutdown=2)
    )
    address = f"http://{name}:{number}/?token={token}"

    gc.collect()
    gc.freeze()  # or all modules are gone through again and again while somebody waits

    async def run() -> None:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.02)
        if server.started:
            studio.listens(address)
            say(address)
            if show:
                await asyncio.to_thread(webbrowser.open, address)
        await serving

    asyncio.run(run())
