"""What can be chosen of an exported file."""

from __future__ import annotations

from ..settings.options import option, options


@options("export")
class Export:
    """Which graph is written.

    A classifier answers for clips, a detector for frames; a run alone gives features of clips, or
    with `dense` one row a frame. `step` is for a causal GRU: a graph of a single frame that takes
    its states and gives them back, so that a live program spends as much on each frame.
    """

    dense: bool = option(False, "features of frames, of a run; a detector's are of frames always")
    step: bool = option(False, "one frame at a time with states in and out, of a causal GRU")
