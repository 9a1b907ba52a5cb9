"""Frames a second from a frame time that was rounded or cut: the usual rate that its digits fit."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from ...errors import InputError

# Rates that cameras and capture systems have; of several that fit the first one counts.
WHOLE = (30, 60, 120, 24, 25, 50, 100, 240, 90, 48, 72, 75, 80, 150, 180, 200, 250, 300, 360, 480,
         500, 1000, 20, 15, 12, 10)  # fmt: skip
TELEVISION = (30_000, 60_000, 120_000, 24_000, 48_000, 240_000)
"""Divided by 1001: 29.97, 59.94, 119.88, 23.976, ... frames a second."""


def frames_a_second(where: str, written: str) -> float:
    """The rate that a frame time means.

    A time of few digits fits several rates. One that fits exactly counts before the others, one
    that was rounded before one that was cut off, and television's (29.97) come last. Where no usual
    rate fits it is the nearest whole one, else what is written.

    Args:
        where: file, for messages.
        written: seconds a frame, as the file has it.

    Raises:
        InputError: no number above 0.

    Examples:
        >>> [frames_a_second("", time) for time in ("0.0333333", "0.017", "0.008", "0.0371")]
        [30.0, 60.0, 120.0, 26.954177897574123]
    """
    try:
        seconds = Decimal(written)
        exponent = seconds.as_tuple().exponent
        if not isinstance(exponent, int) or not 0 < float(seconds) < float("inf"):
            raise InvalidOperation
    except (InvalidOperation, OverflowError):
        raise InputError(
            f"{where}: Frame Time {written[:40]!r}: give seconds a frame, as 0.0333333"
        ) from None
    stated, digit = float(seconds), 10.0 ** min(exponent, 0)
    usual = [*map(float, WHOLE), *(rate / 1001 for rate in TELEVISION)]
    fitting = [rate for rate in usual if _fits(rate, stated, digit)]
    if fitting:
        return min(fitting, key=lambda rate: _doubt(rate, stated, digit))  # the first of equals
    fps = 1 / stated
    whole = round(fps) if fps < 1e6 else 0
    return float(whole) if whole > 0 and _fits(whole, stated, digit) else fps


def nearest_usual(fps: float) -> float:
    """A measured rate, or the usual one that it differs from by less than a part in 5000.

    Args:
        fps: frames a second.

    Examples:
        >>> nearest_usual(30.0012), nearest_usual(29.971), nearest_usual(27.5)
        (30.0, 29.97002997002997, 27.5)
    """
    usual = [*map(float, WHOLE), *(rate / 1001 for rate in TELEVISION)]
    near = min(usual, key=lambda rate: abs(rate - fps))
    return near if abs(near - fps) < 2e-4 * near else round(fps, 3)


def _fits(rate: float, stated: float, digit: float) -> bool:
    """Whether the time of a rate, rounded or cut at the last digit, is the stated one."""
    return -digit / 2 <= 1 / rate - stated < digit


def _doubt(rate: float, stated: float, digit: float) -> tuple[bool, bool, bool]:
    apart = 1 / rate - stated
    return abs(apart) > 1e-9 * stated, apart > digit / 2, rate != round(rate)
