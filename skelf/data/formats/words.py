"""Numbers in text, converted all at once: several times as fast as one `float` after the other.

Eight letters of a word lie in a 64-bit number, and each step works on all eight: first what is no
digit is found, then pairs, fours and eights of digits become one number. Most words have a few
digits, a point where it stands in others too, and up to eight digits; other words take longer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

WIDTH = 16  # letters of a word that are looked at
ROWS = 1 << 13  # words converted together: their letters stay in the cache
MOST_LEFT = 4  # digits before the point of a usual word
LONG = 64  # letters of words that are cut out together
BLANK = 32  # it and all below: white space and control characters


def _each(byte: int) -> np.uint64:
    """Eight times the same byte."""
    return np.uint64(int.from_bytes(bytes([byte]) * 8, "little"))


_ZEROS, _TOP, _REST = _each(ord("0")), _each(0x80), _each(0x7F)
_TEN = _each(0x80 - 10)  # added to a byte of ten or more it sets the top bit
_POINT = np.uint64(ord(".") ^ ord("0"))
_BYTE, _PAIRS = np.uint64(0xFF), np.uint64(0x000000FF000000FF)
_FIRST, _SECOND = np.uint64(100 + (1000000 << 32)), np.uint64(1 + (10000 << 32))
# Of a word of so many letters: which bytes of its last eight it has, and of the eight before.
_LAST = np.array([(1 << 64) - (1 << 8 * (8 - n)) for n in range(9)], np.uint64)
_INSIDE = np.array([_LAST[[max(0, n - 8), min(8, n)]] for n in range(WIDTH)])
# Times a point's lowest bit: its place from the end of its eight letters, counted from 1, in the
# four highest bits.
_PLACE = np.uint64(sum((8 - i) << (60 - 8 * i) for i in range(8)))
# By that number, 0 where there is no point: what a fraction is divided by, and to part its sides.
_POWERS = np.array([1.0, *(10.0**k for k in range(WIDTH))])
_LEFT = np.array([np.inf, *(10.0 * _POWERS[1:])])
_CLOSE = 9 * _POWERS


class Words:
    """A text cut at white space and control characters: `len()`, `[i]` and `numbers`.

    Args:
        text: any bytes.
    """

    def __init__(self, text: bytes) -> None:
        self.text = text
        # Blanks in front: a word is looked at with the WIDTH letters up to its end. Places count
        # from the last of these blanks on.
        padded = b"".join((b" " * (WIDTH + 1), text, b" "))
        self._letters = np.frombuffer(padded, np.uint8, offset=WIDTH)
        size = (len(self._letters),)
        # By the place of a word's end: its last eight letters, and its last sixteen.
        self._eights = np.ndarray(size, "V8", padded, WIDTH - 8, (1,))
        self._sixteens = np.ndarray(size, f"V{WIDTH}", padded, 0, (1,))
        blank = np.flatnonzero(self._letters <= BLANK)
        self._before, self._end = blank[:-1], blank[1:]
        apart = self._end - self._before > 1
        if not apart[:-1].all():
            self._before, self._end = self._before[apart], self._end[apart]
        elif len(apart) and not apart[-1]:  # as of a text that ends with a line's end
            self._before, self._end = self._before[:-1], self._end[:-1]

    def __len__(self) -> int:
        return len(self._end)

    def __getitem__(self, index: int) -> bytes:
        return self.text[self._before.item(index) : self._end.item(index) - 1]

    def by_line(self) -> np.ndarray:
        """How many words each line has, the empty ones too."""
        ends = np.flatnonzero(self._letters == ord("\n"))
        return np.diff(np.searchsorted(self._end, ends, "right"), prepend=0, append=len(self))

    def some(self, chosen: np.ndarray) -> list[bytes]:
        """Words, by `(n,)` indices."""
        starts, ends = self._before[chosen], self._end[chosen] - 1
        widths = ends - starts
        if len(widths) and widths[0] <= LONG and (widths == widths[0]).all():
            wide = (len(self.text) - int(widths[0]) + 1,), f"S{widths[0]}"
            words: list[bytes] = np.ndarray(*wide, self.text, strides=(1,))[starts].tolist()
            return words
        return [self.text[at:to] for at, to in zip(starts.tolist(), ends.tolist(), strict=True)]

    def single(self, chosen: np.ndarray, word: bytes) -> np.ndarray:
        """Which of some words, by `(n,)` indices, are `word`."""
        end = self._end[chosen]
        equal = self._letters[end - 1] == word[-1]
        for place, letter in enumerate(word[:-1]):
            equal &= self._letters[end - len(word) + place] == letter
        found: np.ndarray = equal & (end - self._before[chosen] == len(word) + 1)
        return found

    def numbers(self, chosen: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Words as float64, each one exactly as `float` gives it.

        Args:
            chosen: `(n,)` indices; None: all.

        Raises:
            ValueError: a word is no number; the message has it.
        """
        index = np.arange(len(self)) if chosen is None else np.asarray(chosen, np.int64)
        blocks = [self._some(index[at : at + ROWS]) for at in range(0, len(index), ROWS)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    def _some(self, index: np.ndarray) -> np.ndarray:
        before, end = self._before[index], self._end[index]
        negative = self._letters[before + 1] == ord("-")
        width = end - before - 1 - negative
        behind = self._behind(end, width)
        digits = self._eights[end].view("<u8") ^ _ZEROS
        digits &= _LAST.take(behind, mode="clip")
        point = end - 1 - behind
        left = width - 1 - behind  # letters before the point
        usual = (self._letters[point] == ord(".")) & (behind <= 8)
        usual &= (((digits + _TEN) | digits) & _TOP) == 0
        usual &= (left > 0) & (left <= MOST_LEFT)
        powers = _POWERS[1:].take(behind, mode="clip")
        values = _eight_digits(digits)
        for place in range(min(MOST_LEFT, int(left.max(initial=0)))):
            letter = self._letters[point - 1 - place] - np.uint8(ord("0"))  # wraps round
            if place:
                letter *= left > place
            usual &= letter < 10
            values += letter * (10.0**place * powers)
        values /= powers
        values *= 1.0 - 2.0 * negative
        others = np.flatnonzero(~usual)
        if len(others):
            values[others] = self._unusual(index[others], width[others], negative[others])
        return values

    def _behind(self, end: np.ndarray, width: np.ndarray) -> np.ndarray | np.int64:
        """Of each word the digits behind its point: as many as of the first, or all but one."""
        first = self._letters[end[0] - width[0] : end[0]].tobytes()
        same = len(first) - 1 - first.find(b".")  # all, where there is no point
        alike = (self._letters[end[::16] - 1 - min(same, 8)] == ord(".")).mean() > 0.9
        return np.int64(same) if alike else width - 2

    def _unusual(self, index: np.ndarray, width: np.ndarray, negative: np.ndarray) -> np.ndarray:
        """Numbers of any form; `width` is that without a sign."""
        digits = self._sixteens[self._end[index]].view("<u8").reshape(-1, 2)
        digits ^= _ZEROS
        digits &= _INSIDE.take(width, axis=0, mode="clip")
        # The only byte that is no digit may be a point; it becomes a digit 0, taken out below.
        odd = _odd(digits)
        lowest = odd >> np.uint64(7)
        digits ^= lowest * _POINT
        wrong = (digits & (lowest * _BYTE)) | (odd & (odd - np.uint64(1)))
        point = (lowest * _PLACE) >> np.uint64(60)
        before_eight = point[:, 0] != 0
        places = (point[:, 0] + point[:, 1]).astype(np.int64) + 8 * before_eight
        plain = (wrong[:, 0] | wrong[:, 1]) == 0
        plain &= ~before_eight | (point[:, 1] == 0)
        plain &= (width < WIDTH) & (width > (places > 0))
        eights = _eight_digits(digits)
        whole = eights[:, 0] * 1e8 + eights[:, 1]
        # Below 10**15 all parts of the fraction are exact, so the quotient is the nearest float64.
        left = np.rint(whole / _LEFT.take(places, mode="clip"))
        values: np.ndarray = whole - left * _CLOSE.take(places, mode="clip")
        values /= _POWERS.take(places, mode="clip")
        values *= 1.0 - 2.0 * negative
        for i in np.flatnonzero(~plain):  # exponents, inf, nan, long ones, and what is no number
            values[i] = float(self[index[i]])
        return values


def _odd(digits: np.ndarray) -> np.ndarray:
    """The highest bit of each byte that is above 9."""
    odd: np.ndarray = (((digits & _REST) + _TEN) | digits) & _TOP
    return odd


def _eight_digits(digits: np.ndarray) -> np.ndarray:
    """The number, as float64, whose digits the bytes are, the lowest byte first."""
    pairs = digits * np.uint64(10) + (digits >> np.uint64(8))
    pairs = (pairs & _PAIRS) * _FIRST + ((pairs >> np.uint64(16)) & _PAIRS) * _SECOND
    number: np.ndarray = (pairs >> np.uint64(32)).astype(np.float64)
    return number
