"""What can be set of an index: where windows lie, and when the search becomes approximate."""

from __future__ import annotations

from ..settings.options import option, options


@options("search")
class Search:
    """Settings of an index; they stay with it, and what is added later has the same."""

    scales: tuple[float, ...] = option(
        (1.0, 1.5, 2.0, 3.0, 4.0),
        "lengths of windows in seconds; a clip at most a quarter longer than one is a window whole",
    )
    stride: float = option(
        0.25, "seconds between windows, as a share of their length", ge=0.05, le=1
    )
    exact_up_to: int = option(
        100_000, "most windows of which a query looks at every one; beyond it is approximate", ge=1
    )
    recall: float = option(
        0.98, "least share of the true 10 nearest that an approximate query shall find", gt=0, le=1
    )

    def check(self) -> None:
        """Refuses scales that lay no windows."""
        if not self.scales or min(self.scales) <= 0 or max(self.scales) > 3600:
            raise ValueError("scales: give one or more lengths, above 0 and up to 3600 seconds")
        if len(set(self.scales)) < len(self.scales) or len(self.scales) > 100:
            raise ValueError("scales: each once, and at most 100")
        if list(self.scales) != sorted(self.scales):
            raise ValueError("scales: give them from short to long")
