"""One HTTP request for (the rest of) a file: nothing but https, and only so long as bytes come."""

from __future__ import annotations

import http.client
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from typing import IO, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin

from .sets import allowed, local

# Worth another attempt: too slow, too many, or broken for now.
PASSING = {408, 425, 429, 500, 502, 503, 504}


class BrokenError(Exception):
    """An attempt that failed; the next one may succeed."""


class RefusedError(Exception):
    """An answer that no further attempt changes."""


class Answer(NamedTuple):
    """A server's answer before its body is read.

    Args:
        begin: which byte of the file the body starts at.
        total: bytes of the whole file, None where the server does not say.
        etag: the server's strong mark of this version, or "".
        body: the bytes to come.
    """

    begin: int
    total: int | None
    etag: str
    body: http.client.HTTPResponse

    def chunks(self, size: int) -> Iterator[bytes]:
        """The body in pieces.

        Raises:
            BrokenError: it stops before its end.
        """
        while True:
            try:
                chunk = self.body.read1(size)
            except (OSError, http.client.HTTPException) as error:
                raise BrokenError(_reason(error)) from None
            if not chunk:
                return
            yield chunk


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https only; urllib's own list has ftp and plain http too."""

    def http_error_302(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
    ) -> http.client.HTTPResponse | None:
        target = urljoin(req.full_url, headers.get("location", ""))
        if not allowed(target) or (local(target) and not local(req.full_url)):
            raise RefusedError(f"redirects to {target[:200]!r}, which is not https; not followed")
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener() -> urllib.request.OpenerDirector:
    """An opener without the handlers of file, ftp and data addresses that the usual one has."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


@contextmanager
def opened(url: str, begin: int, etag: str, timeout: float) -> Iterator[Answer]:
    """Asks for a file from byte `begin` on.

    Args:
        url: https, or this machine.
        begin: bytes that are there already.
        etag: the version that they belong to; the server sends all of another one.
        timeout: seconds without a byte.

    Raises:
        BrokenError: worth another attempt.
        RefusedError: not worth one.
    """
    if not allowed(url):
        raise RefusedError("not an https address")
    # Compressed bodies would have another length and checksum.
    headers = {"User-Agent": "skelf", "Accept-Encoding": "identity"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
        if etag:
            headers["If-Range"] = etag
    try:
        response = _opener().open(urllib.request.Request(url, headers=headers), timeout=timeout)
    except HTTPError as error:
        with error:
            if error.code == 416:  # the part is longer than the file
                response = None
            elif error.code in PASSING:
                raise BrokenError(f"answers {error.code} {error.reason}") from None
            else:
                raise RefusedError(
                    f"answers {error.code} {error.reason}; has the set moved?"
                ) from None
    except (URLError, OSError, http.client.HTTPException) as error:
        raise BrokenError(_reason(error)) from None
    if response is None:
        with opened(url, 0, "", timeout) as answer:
            yield answer
        return
    with response:
        yield _answer(response, begin)


def _answer(response: http.client.HTTPResponse, begin: int) -> Answer:
    headers: Message = response.headers
    etag = headers.get("ETag", "")
    etag = (
        etag if re.fullmatch(r'"[\x21\x23-\x7e]{1,200}"', etag) else ""
    )  # weak ones vouch nothing
    if headers.get("Content-Encoding", "identity") != "identity":
        raise RefusedError("sends compressed data though asked not to")
    if response.status == 206:
        sent_range = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
        if sent_range is None or int(sent_range[1]) != begin:
            raise RefusedError("sends another range than asked for")
        return Answer(begin, None if sent_range[2] == "*" else int(sent_range[2]), etag, response)
    if response.status != 200:
        raise BrokenError(f"answers {response.status}")
    length = headers.get("Content-Length", "")
    return Answer(0, int(length) if length.isdecimal() else None, etag, response)


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return "does not answer in time"
    text = str(getattr(cause, "strerror", None) or cause) or type(cause).__name__
    return f"connection failed ({text})"
