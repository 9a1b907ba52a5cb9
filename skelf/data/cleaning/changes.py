"""What cleaning changed, counted, and in words."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from .options import Clean, window


@dataclass
class Changes:
    """Counts over a set; a joint in one frame of one person counts once.

    Args:
        seen: joints that were there.
        fast: outliers by speed.
        odd: outliers by bones.
        filled: joints in gaps that were filled.
        left: joints that are missing from a body that is there otherwise, after all.
        clips: clips in which anything changed.
        moved: sum of the distances that the filters moved joints by, in the set's unit.
        farthest: the largest of them.
        smoothed: joints that the filters moved.
    """

    seen: int = 0
    fast: int = 0
    odd: int = 0
    filled: int = 0
    left: int = 0
    clips: int = 0
    moved: float = 0.0
    farthest: float = 0.0
    smoothed: int = 0

    def lines(self, how: Clean, rates: tuple[float, float], unit: str) -> list[str]:
        """One line for each step that was taken, in its order.

        Args:
            how: the settings.
            rates: the lowest and the highest frames a second of the set.
            unit: of the joints, for people.
        """
        lines = []
        if how.outliers:
            share = (self.fast + self.odd) / max(1, self.seen)
            lines.append(
                f"outliers: {self.fast + self.odd:,} of {self.seen:,} joints ({share:.2%}) became "
                f"gaps, {self.fast:,} by speed={how.speed:g}, {self.odd:,} by bone={how.bone:g}"
            )
        if how.gaps:
            lines.append(
                f"gaps: {self.filled:,} joints filled by {how.fill} in gaps of up to {how.gaps:g} s"
                f", {self.left:,} left missing"
            )
        if how.median:
            lines.append(f"median: window {_window(how.median, rates)}")
        if how.savgol:
            lines.append(f"savgol: window {_window(how.savgol, rates)}, degree {how.degree}")
        if how.lowpass:
            lines.append(
                f"lowpass: {how.lowpass:g} Hz, Butterworth of order {how.order} there and back"
            )
        if how.median or how.savgol or how.lowpass:
            mean = self.moved / max(1, self.smoothed)
            lines.append(
                f"filters: joints moved by {mean:.3g}{unit} on average, {self.farthest:.3g}{unit} "
                "at most"
            )
        return lines


def _window(seconds: float, rates: tuple[float, float]) -> str:
    frames = [window(seconds, rate) for rate in rates]
    spread = f"{frames[0]}" if frames[0] == frames[1] else f"{frames[0]} to {frames[1]}"
    return f"{seconds:g} s ({spread} frames)"


def nothing_there(clips: object) -> InputError:
    """The error of a set in which no joint is anywhere."""
    return InputError(f"{clips}: nobody is in any frame; nothing to clean")
