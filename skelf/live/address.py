"""Host and port of a wire."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..errors import InputError

LOOK = 0.2
"""Seconds between looks at whether a wire shall end."""


def address(url: str) -> tuple[str, int]:
    """Host and port of a URL.

    Raises:
        InputError: one of them is missing.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"{url}: {error}") from None
    if not host or port is None:
        raise InputError(f"{url}: host and port are needed, as udp://127.0.0.1:9000")
    return host, port
