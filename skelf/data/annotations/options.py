"""The options of an import that every format has: files of labels and of segments."""

from __future__ import annotations

from pathlib import Path

from ...settings.options import option, options
from ..clips import ClipSet
from .labels import with_labels
from .segments import with_segments


@options("import")
class Annotations:
    """What is known of the clips beside their files."""

    labels: str = option(
        "",
        "a table (CSV) with a row for each clip: file or name, then label, subject, camera, setup, "
        "and any column of whole numbers",
    )
    segments: str = option(
        "",
        "what happens when in recordings: a CSV (name, start_s, end_s, label; or start_frame, "
        "end_frame), ELAN's .eaf, aggregated events of BORIS; or a folder of such files",
    )
    tier: str = option(
        "", "the tier of ELAN's files that is read, where several have annotations; *: all"
    )

    @property
    def paths(self) -> list[Path]:
        """The files that are read."""
        return [Path(name) for name in (self.labels, self.segments) if name]

    def applied(self, clips: ClipSet) -> ClipSet:
        """The clips with all that the files say.

        Raises:
            InputError: the message names file, line and remedy.
        """
        if self.labels:
            clips = with_labels(clips, self.labels)
        if self.segments:
            clips = with_segments(clips, self.segments, tier=self.tier)
        return clips
