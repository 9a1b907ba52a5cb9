"""The results of an evaluation on disk: each protocol's as it ends, so that none is lost later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..data.clips import ClipSet
from ..files import is_stream
from ..outputs import RESULTS, SCORES, check_output
from ..protocols.outcome import Outcome
from . import scores
from .archive import Row
from .rows import write_rows


class UnwrittenError(OSError):
    """Results that could not be written.

    Args:
        error: what failed; its file and reason.
        rows: the rows, which are lost otherwise.
    """

    def __init__(self, error: OSError, rows: list[Row]) -> None:
        super().__init__(error.errno, error.strerror, error.filename)
        self.rows = rows


def check_results(
    out: Path, protocols: Iterable[str], inputs: Sequence[str | Path], *, replace: bool
) -> None:
    """`check_output` of the rows and of each protocol's scores beside them.

    Raises:
        InputError: one of them must not be written.
    """
    check_output(out, RESULTS, inputs=inputs, replace=replace)
    if not is_stream(out):
        for name in protocols:
            check_output(scores.beside(out, name), SCORES, inputs=inputs, replace=replace)


class Written:
    """Rows, and where they go.

    Args:
        out: the file of rows; class scores go beside it. A device or a pipe gets the rows alone,
            once, at the end. None: nothing is written.
        test: the clips that were judged.
    """

    def __init__(self, out: Path | None, test: ClipSet) -> None:
        self.out, self.test = out, test
        self.rows: list[Row] = []
        self.at_once = out is not None and not is_stream(out)
        self._unwritten = False
        self._scores: dict[str, tuple[Outcome, Row]] = {}

    def add(self, name: str, outcome: Outcome, row: Row, rows: Sequence[Row]) -> None:
        """Takes what a protocol gave; what cannot be written now is tried again later."""
        self.rows += rows
        self._unwritten = True
        if self.at_once:
            self._scores[name] = outcome, row
            with suppress(OSError):  # the next protocol's numbers are worth having all the same
                self._write()

    def finish(self) -> None:
        """Writes what is still to be written.

        Raises:
            UnwrittenError: it cannot be; names the file and the reason, and holds the rows.
        """
        try:
            self._write()
        except OSError as error:
            raise UnwrittenError(error, self.rows) from None

    def _write(self) -> None:
        if self.out is None:
            return
        if self._unwritten:  # rows first: they are small, and scores without them say little
            write_rows(self.out, self.rows)
            self._unwritten = False
        for name, (outcome, row) in list(self._scores.items()):
            scores.save(scores.beside(self.out, name), outcome, self.test, row)
            del self._scores[name]


@contextmanager
def writing(out: Path | None, test: ClipSet) -> Iterator[Written]:
    """Collects rows; what ended before an error is written then too.

    Raises:
        UnwrittenError: as `Written.finish`, where nothing else went wrong.
    """
    written = Written(out, test)
    try:
        yield written
    except BaseException:
        with suppress(OSError):
            written.finish()
        raise
    written.finish()
