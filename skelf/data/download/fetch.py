"""Downloads a public set, file by file: resumed, checked, and never half-written under its name.

A file grows as `NAME.part` and takes its name once it is whole; `NAME.part.etag` keeps the
server's mark of the version that the part belongs to. `SHA256SUMS` lists what was received. Only
https is read (and this machine, for tests), redirects included.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from ...errors import InputError
from ...files import blaming, write_text
from ...locks import locked
from .http import Answer, BrokenError, RefusedError, opened
from .sets import Entry, find

__all__ = ["Result", "fetch", "find"]

ATTEMPTS = 5
PAUSE = 1.0  # seconds before the second attempt; each further one waits twice as long
TIMEOUT = 30.0  # seconds without a byte
MOST = 1 << 36  # bytes of a file whose length nobody says: an endless answer must end
CHUNK = 1 << 16
SUMS = "SHA256SUMS"
Show = Callable[[str, int, int | None, int], None]


class Result(NamedTuple):
    """What `fetch` did.

    Args:
        folder: where the files are.
        loaded: files that were downloaded now; `kept`: those that were there already.
        checked: files whose checksum the list knows and that have it.
    """

    folder: Path
    loaded: int
    kept: int
    checked: int

    def lines(self) -> list[str]:
        """What a person should know, honestly."""
        total = self.loaded + self.kept
        there = f", {self.kept} were there already" if self.kept else ""
        lines = [f"{self.folder}: {total} files, {self.loaded} loaded{there}"]
        if self.checked < total:
            lines.append(
                f"{self.checked} have the checksum of the list; for {total - self.checked} the "
                f"list knows none: what came is noted in {self.folder / SUMS}, so that a later "
                "change shows"
            )
        else:
            lines.append(f"all {total} have the checksum of the list")
        return lines


def fetch(
    entry: Entry,
    folder: Path,
    *,
    progress: Show | None = None,
    timeout: float = TIMEOUT,
    pause: float = PAUSE,
) -> Result:
    """Downloads every file of an entry that is not there yet.

    Args:
        entry: of the list.
        folder: where to; made when missing.
        progress: called with the path, bytes done, bytes in all (None: unknown) and the number of
            the file, from 1.
        timeout: seconds without an answer after which an attempt ends.
        pause: seconds before the second attempt.

    Raises:
        InputError: a file could not be had, or is not what the list says. Files that were whole
            stay, the others are continued by the next call.
        OSError: nothing can be written.
    """
    with locked(
        folder, ".get.lock",
        busy="another process is loading into it; wait for it", unwritable="cannot write here",
    ):  # fmt: skip
        sums = _read_sums(folder / SUMS)
        loaded = present = checked = 0
        try:
            for number, path in enumerate(entry.paths, 1):
                stated = entry.sha256.get(path)
                target = folder.joinpath(*path.split("/"))
                if target.exists():
                    sums[path] = _kept(target, stated or sums.get(path))
                    present += 1
                else:
                    load = _Load(entry, path, target, timeout, pause, progress, number)
                    sums[path] = load.run()
                    loaded += 1
                checked += stated is not None
        finally:
            if sums:
                lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(sums.items()))
                write_text(folder / SUMS, lines)
    return Result(folder, loaded, present, checked)


class _Load:
    """One file on its way."""

    def __init__(
        self,
        entry: Entry,
        path: str,
        target: Path,
        timeout: float,
        pause: float,
        progress: Show | None,
        number: int,
    ) -> None:
        self.url = entry.base + quote(path)
        self.path, self.target, self.number = path, target, number
        self.known, self.size = entry.sha256.get(path), entry.bytes.get(path)
        self.timeout, self.pause, self.progress = timeout, pause, progress
        self.part = target.with_name(f"{target.name}.part")
        self.etag = target.with_name(f"{target.name}.part.etag")

    def run(self) -> str:
        """Loads the file; returns its SHA-256."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1))
            try:
                return self._attempt()
            except RefusedError as error:
                raise InputError(f"{self.url}: {error}") from None
            except BrokenError as error:
                reason = str(error)
        left = self.part.stat().st_size if self.part.exists() else 0
        there = f"; {left:,} bytes are kept, the same command goes on from there" if left else ""
        raise InputError(f"{self.url}: {reason}, {ATTEMPTS} times{there}")

    def _attempt(self) -> str:
        begin = self._resumable()
        etag = self.etag.read_text(encoding="utf-8") if begin and self.etag.exists() else ""
        with opened(self.url, begin, etag, self.timeout) as answer:
            if answer.begin and etag and answer.etag not in ("", etag):
                self._discard()
                raise BrokenError("sends the rest of another version")
            begin = answer.begin  # 0 where the server starts over, or has another version now
            total = self._total(answer)
            self._mark(answer.etag)
            mode = "r+b" if begin else "wb"
            with blaming(self.target, self.part), self.part.open(mode) as file:
                file.seek(begin)
                file.truncate()
                done = begin
                for chunk in answer.chunks(CHUNK):
                    done += len(chunk)
                    if done > (MOST if total is None else total):
                        self._discard()
                        raise BrokenError(f"sends more than {total or MOST:,} bytes")
                    file.write(chunk)
                    if self.progress:
                        self.progress(self.path, done, total, self.number)
        if total is not None and done < total:
            raise BrokenError(f"broke off after {done:,} of {total:,} bytes")
        digest = _digest(self.part)
        if self.known and digest != self.known:
            self._discard()
            raise BrokenError(f"sends other bytes than the list has (SHA-256 {digest[:16]}...)")
        self.part.replace(self.target)
        self.etag.unlink(missing_ok=True)
        return digest

    def _resumable(self) -> int:
        """Bytes to go on from: those of a part that its checksum or the server's mark vouches."""
        if not self.part.exists() or not (self.known or self.etag.exists()):
            return 0
        size = self.part.stat().st_size
        return size if self.size is None or size < self.size else 0

    def _total(self, answer: Answer) -> int | None:
        if None not in (self.size, answer.total) and self.size != answer.total:
            self._discard()
            raise BrokenError(f"announces {answer.total:,} bytes, the list has {self.size:,}")
        return self.size if answer.total is None else answer.total

    def _mark(self, etag: str) -> None:
        if etag:
            self.etag.write_text(etag, encoding="utf-8")
        else:
            self.etag.unlink(missing_ok=True)

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.etag.unlink(missing_ok=True)


def _kept(target: Path, wanted: str | None) -> str:
    """The checksum of a file that was there."""
    digest = _digest(target)
    if wanted and digest != wanted:
        raise InputError(f"{target}: has another checksum than expected; remove it to load it anew")
    return digest


def _digest(path: Path) -> str:
    hashed = sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                hashed.update(chunk)
    except IsADirectoryError:
        raise InputError(f"{path}: a folder where a file should go; choose another --out") from None
    return hashed.hexdigest()


def _read_sums(path: Path) -> dict[str, str]:
    """What earlier calls noted; lines of another form are dropped."""
    sums = {}
    with suppress(OSError, UnicodeDecodeError):
        for line in path.read_text(encoding="utf-8").splitlines():
            digest, _, name = line.partition("  ")
            if len(digest) == 64 and name:
                sums[name] = digest
    return sums
