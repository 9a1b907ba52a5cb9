"""What can be set of `skelf discover`."""

from __future__ import annotations

from typing import Annotated

from ..settings.options import option, options
from ..settings.ranges import Count, Positive, Range

Several = Annotated[int, Range(ge=2)]


@options("discover")
class Discover:
    """How recordings are cut, and how what lies between the cuts is put together."""

    rate: float = option(5.0, "features a second that boundaries are looked for in", gt=0, le=1000)
    window: Positive | None = option(
        None, "seconds that the encoder sees at once; none: 2.13, its 64 frames at 30 a second"
    )
    dims: Count = option(16, "principal components that the features are reduced to")
    penalty: float = option(
        0.5,
        "what a boundary must save, in seconds of the mean deviation: higher gives longer segments",
        gt=0,
    )
    shortest: float = option(0.5, "seconds of the shortest segment", gt=0)
    min_cluster_size: Several | None = option(
        None, "segments of the smallest cluster; none: one in fifty, and at least five"
    )
    min_samples: Count = option(
        5, "segments that must be near one for its place to be dense: higher leaves more in none"
    )


def smallest_cluster(how: Discover, segments: int) -> int:
    """Segments of the smallest cluster.

    Examples:
        >>> smallest_cluster(Discover(), 100), smallest_cluster(Discover(), 1000)
        (5, 20)
    """
    return how.min_cluster_size or max(5, round(segments / 50))
