"""Who may talk to the studio: whoever has the token, from its own page, under its own address.

A page of another site can make a browser send requests here. Such a request has another `Origin`,
or says by `Sec-Fetch-Site` where it comes from; a name that an attacker makes point to this machine
is another `Host`. All of them are refused, for web sockets too, before anything else looks at them.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = ("127.0.0.1", "localhost", "[::1]")
HEADERS = {
    # Quasar and Vue write styles and compile templates in the browser.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Stands before the whole application.

    Args:
        app: what it lets requests through to.
        token: in the address when the page is opened; a cookie has it from then on.
        port: that the studio listens on.
        hosts: names under which it may be reached, besides this machine's own.
    """

    def __init__(self, app: ASGIApp, token: str, port: int, hosts: Iterable[str] = ()) -> None:
        self.app, self.token, self.cookie = app, token, f"skelf_studio_{port}"
        self.hosts = {f"{host}:{port}" for host in (*LOCAL, *hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or one connection."""
        if scope["type"] not in ("http", "websocket"):  # start and end of the server
            await self.app(scope, receive, send)
            return
        headers = {key.decode("latin-1"): text.decode("latin-1") for key, text in scope["headers"]}
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        if why := self.refusal(headers, given):
            await _refuse(scope["type"], why, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = dict(HEADERS)
                if given:
                    rules = "Path=/; HttpOnly; SameSite=Strict"
                    added["set-cookie"] = f"{self.cookie}={self.token}; {rules}"
                pairs = [(k.encode(), v.encode()) for k, v in added.items()]
                message = {**message, "headers": [*message.get("headers", ()), *pairs]}
            await send(message)

        await self.app(scope, receive, answer)

    def refusal(self, headers: Mapping[str, str], given: str) -> str:
        """Why a request is refused; empty: it is not.

        Args:
            headers: of the request, names in lower case.
            given: the token in its address.
        """
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self.hosts:
            return "this address is not the studio's; open the one that `skelf studio` printed"
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return "requests of other pages are refused"
        right = self._is_token(given)
        # A link to the whole address, from a mail say, comes from elsewhere and brings the token.
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and not (
            right and headers.get("sec-fetch-mode") == "navigate"
        ):
            return "requests of other pages are refused"
        if right or self._is_token(_cookie(headers.get("cookie", ""), self.cookie)):
            return ""
        return "no token; open the address that `skelf studio` printed, to the last letter"

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode("utf-8", "replace"), self.token.encode())


def _cookie(header: str, name: str) -> str:
    try:
        jar = SimpleCookie(header)
    except CookieError:
        return ""
    return jar[name].value if name in jar else ""


async def _refuse(kind: str, why: str, send: Send) -> None:
    if kind == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": why})
        return
    body = f"skelf studio: {why}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    headers += [(key.encode(), text.encode()) for key, text in HEADERS.items()]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
