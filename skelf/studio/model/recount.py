"""The votes for a recording when a label comes or goes: those of what has changed alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .voting import Votes


class Change(NamedTuple):
    """The way from votes to later ones.

    Args:
        scale: `(K,)`, what becomes of the sums before.
        votes: examples that came, and with a share below 0 those that went.
    """

    scale: np.ndarray
    votes: Votes


class Recount:
    """Sums of votes by recording, kept from one label to the next.

    A class's examples share one vote, so that another example makes all of theirs smaller alike:
    their sum is scaled, and only the new one is asked.

    Args:
        before: of the labels before, of the same table and classes; None: there is none.
    """

    MOST = 8_000_000
    """Numbers that are kept: those of an hour and twelve classes are 0.4 million."""

    def __init__(self, before: Recount | None = None) -> None:
        self._sums: dict[int, tuple[Votes, np.ndarray]] = dict(before._sums) if before else {}
        self._changes: dict[int, Change | None] = {}

    def of(self, votes: Votes, recording: int, x: np.ndarray) -> np.ndarray:
        """`votes.of(x)`, but for rounding.

        Args:
            votes: always the same.
            recording: whose features these are, always.
            x: `(B, D)`.
        """
        known = self._sums.get(recording)
        change = self._change(known[0], votes) if known else None
        if known is None or change is None:
            found = votes.of(x)
        else:
            found = np.maximum(known[1] * change.scale + change.votes.of(x), 0)
        kept = sum(other.size for at, (_, other) in [*self._sums.items()] if at != recording)
        if kept + found.size <= self.MOST:
            self._sums[recording] = votes, found
        else:
            self._sums.pop(recording, None)
        return found

    def _change(self, old: Votes, new: Votes) -> Change | None:
        if id(old) not in self._changes:
            self._changes[id(old)] = change(old, new)
        return self._changes[id(old)]


def change(old: Votes, new: Votes) -> Change | None:
    """What differs between votes; None: so much that all had better be asked.

    Examples:
        >>> one, other = np.array([[1.0, 0]], np.float32), np.array([[0, 1.0]], np.float32)
        >>> old = Votes(one, np.array([[1.0]], np.float32))
        >>> both = np.array([[0.5], [0.5]], np.float32)
        >>> scale, votes = change(old, Votes(np.concatenate([one, other]), both))
        >>> scale.tolist(), votes.examples.tolist(), votes.share.tolist()
        ([0.5], [[0.0, 1.0]], [[0.5]])
    """
    before, now = _rows(old), _rows(new)
    if (len(before), len(now)) != (len(old.examples), len(new.examples)):  # some are the same
        return None
    stay = [key for key in now if key in before]
    came = [row for key, row in now.items() if key not in before]
    scale = np.zeros(new.share.shape[1], np.float32)
    if stay:
        was, is_ = old.share[[before[key] for key in stay]], new.share[[now[key] for key in stay]]
        scale = is_.sum(axis=0) / np.maximum(was.sum(axis=0), 1e-30)
    # Of a class that has lost all its examples nothing is left to be taken away.
    went = [row for key, row in before.items() if key not in now and scale @ (old.share[row] > 0)]
    if 2 * (len(came) + len(went)) > len(now):
        return None
    examples = np.concatenate([new.examples[came], old.examples[went]])
    return Change(
        scale, Votes(examples, np.concatenate([new.share[came], -old.share[went] * scale]))
    )


def _rows(votes: Votes) -> dict[tuple[bytes, int], int]:
    """The row of each example, by what it is and its class."""
    data, of = votes.examples.tobytes(), votes.share.argmax(axis=1).tolist()
    size = len(data) // max(1, len(of))
    return {(data[at * size : (at + 1) * size], label): at for at, label in enumerate(of)}
