"""A search index that is there: opened, and asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..data.clips import ClipSet
from ..errors import InputError
from ..inference.bulk.once import Known
from ..inference.source import read_data
from ..machine.guest import no_trace
from ..runs.load import Run
from . import manifest as manifests
from . import stretch
from .chosen import Where, allowed
from .encode import Axes, brought, digests, vectors
from .hits import Hit, apart
from .identity import encoder_of
from .manifest import Manifest
from .opened import Opened
from .places import places

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Index:
    """An index that recordings are searched in; `open` gives one.

    Args:
        folder: where it is.
        manifest: what it consists of.
        opened: its vectors and tables.
        run: where its encoder is, if that is not in it.
    """

    folder: Path
    manifest: Manifest
    opened: Opened
    run: Run | None = None

    @classmethod
    def open(cls, folder: str | Path, run: Run | None = None) -> Index:
        """Opens an index and compares its files with their checksums.

        Args:
            folder: the index.
            run: its encoder; None: the copy in it, or where it says.

        Raises:
            InputError: no index, an empty one, a damaged file.
        """
        folder = Path(folder)
        manifest = manifests.read(folder)
        if not manifest.parts:
            raise InputError(
                f"{folder}: holds nothing yet, its making was interrupted; run `skelf search index`"
                " again"
            )
        return cls(folder, manifest, Opened.read(folder, manifest), run)

    def __len__(self) -> int:
        return len(self.opened)

    @property
    def exact(self) -> bool:
        """Whether a query looks at every window."""
        return self.manifest.approximation is None

    @cached_property
    def encoder(self) -> Known:
        """Its encoder.

        Raises:
            InputError: it is not there, or another one.
        """
        return encoder_of(self.folder, self.manifest, self.run)

    @no_trace()
    def query(
        self,
        query: str | Path | ClipSet,
        top: int = 10,
        *,
        where: Where | None = None,
        start: float | None = None,
        end: float | None = None,
        keep_self: bool = False,
        format: str | None = None,
        layout: str | None = None,
        options: Sequence[str] = (),
        unit: str | None = None,
        up: str | None = None,
        device: str = "cpu",
        say: Say = lambda text: None,
    ) -> list[Hit]:
        """The stretches that are most like a recording, or a stretch of one.

        The query has windows of the scale nearest to its length; of a stretch up to a quarter
        longer than a window that is the stretch itself. A window of the index, of whatever scale,
        scores by the query's window that it is most like. Of hits that overlap in a recording the
        best window stays. What overlaps the query itself, known by its frames, is left out.

        Args:
            query: a file, `FILE@START-END` in seconds, `STORE#CLIP` by name or number, or both as
                `STORE#CLIP@START-END`; or a set of one clip.
            top: hits, at most.
            where: values that `subject`, `camera`, `setup`, `label` or `recording` may have.
            start: of the stretch, in seconds.
            end: exclusive.
            keep_self: the query may be its own hit.
            format: of the file; None: by what is in it.
            layout: of its joints; None: by their names.
            options: of the format's reader, as `key=value`.
            unit: of its coordinates, as "mm"; None: as the file or the body's size tells.
            up: its upward axis, as "z"; None: as the body stands.
            device: where the encoder runs.
            say: told in a line what is changed for the encoder.

        Returns:
            hits, from the highest score on; fewer where there are no more.

        Raises:
            InputError: no such recording, a stretch that is empty or beyond its end, a query that
                does not fit the encoder, a filter that no window fulfils.

        Examples:
            >>> import skelf
            >>> from skelf.data.synthetic.clips import generate
            >>> from skelf.search import build
            >>> clips = generate(clips=24)
            >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1"]
            >>> run = skelf.pretrain(
            ...     "usdrl", clips, out="asked", overrides=[*tiny, "train.batch_size=16"])
            >>> index = Index.open(build(clips, run, "index_asked"))
            >>> clips.save("clips.h5")
            >>> index.query("clips.h5#5", top=1, keep_self=True)[0].recording == clips.names[5]
            True
            >>> hits = index.query("clips.h5#5@0.2-0.8", where={"subject": [0]})
            >>> {hit.subject for hit in hits}
            {0}
        """
        if top < 1:
            raise InputError(f"top: {top}; ask for 1 hit or more")
        named = stretch.Named(str(query), None, start, end)
        if isinstance(query, ClipSet):
            clips = query
        else:
            named = stretch.parse(str(query)).within(start, end)
            clips = read_data(named.path, format=format, layout=layout, options=options, say=say)
        one = stretch.recording(clips, named)
        begin, stop = stretch.seconds(one, named)
        opened = self.opened
        mask = allowed(where or {}, opened, self.manifest.class_names)
        if not keep_self:
            mask = self._without(one, begin, stop, mask)
        fit = stretch.cut(brought(one, self.encoder.needs, say, Axes(unit, up)), begin, stop)
        asked = self._vectors(fit, stop - begin, device)
        nearest = opened.nearest(opened.space.of(asked), mask)
        most = len(self) if mask is None else int(mask.sum())
        return [self._hit(*found) for found in apart(opened.window, nearest, top, most)]

    def _vectors(self, cut: ClipSet, seconds: float, device: str) -> np.ndarray:
        """The encoder's vectors of the query's windows."""
        how = self.manifest.how
        away = np.abs(np.log(how.scales) - np.log(max(seconds, 1e-3)))
        laid = places(cut.length, cut.fps, (how.scales[int(away.argmin())],), how.stride)
        return vectors(self.encoder.encoder, cut, laid, device)

    def _without(
        self, one: ClipSet, start: float, end: float, mask: np.ndarray | None
    ) -> np.ndarray | None:
        """The mask without the windows that overlap the query itself."""
        opened, digest, fps = self.opened, digests(one)[0], float(one.fps[0])
        if not any((part.recordings.digest == digest).any() for part in opened.parts):
            return mask
        begin, stop = start * fps + 1e-6, end * fps - 1e-6
        others = ~opened.mask(lambda some: (some.start < stop) & (some.end > begin))
        others |= ~opened.mask_of(lambda some: some.digest == digest)
        return others if mask is None else mask & others

    def _hit(self, score: float, row: int) -> Hit:
        window = self.opened.window(row)
        recordings, at = self.opened.recording(row)
        label, start, end, fps = window.label, window.start, window.end, recordings.fps[at]
        return Hit(
            score=float(score),
            source=self.manifest.sources[window.source].path,
            recording=recordings.name[at],
            start=round(start / float(fps), 6),
            end=round(end / float(fps), 6),
            start_frame=start,
            end_frame=end,
            label=self.manifest.class_names[label] if label >= 0 else "",
            subject=int(recordings.subject[at]),
            camera=int(recordings.camera[at]),
            setup=int(recordings.setup[at]),
            person=int(recordings.person[at]),
            row=row,
        )
