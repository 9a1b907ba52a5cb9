"""Dense features block by block, against those of the whole recording; tables of features."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.inference import frames
from skelf.inference.features import Rows, Tally, encoded
from skelf.inference.needs import needs_of
from skelf.inference.rate import retimed
from skelf.inference.source import Source
from skelf.inference.writers.features import write_npz, write_parquet
from skelf.protocols.dense import dense
from skelf.protocols.features import extract
from skelf.protocols.windows import average, rows

RECORDINGS = generate(clips=0, recordings=3)
WINDOW, STRIDE = 40, 13


def encoder(name: str):
    torch.manual_seed(0)
    small = {"gru": {"dim": 8, "layers": 1}, "sttr": {"dim": 8, "layers": 1, "heads": 2}}
    return ENCODERS[name](RECORDINGS.skeleton, frames=16, persons=1, **small[name])


def whole(name: str) -> Tensor:
    reader, windows = frames.prepared(encoder(name), RECORDINGS, WINDOW, STRIDE, "cpu")
    values = dense(encoder(name), reader, windows)
    place = torch.from_numpy(rows(windows, RECORDINGS.length)[2])
    return average(values, place, RECORDINGS.frames_total)


@pytest.mark.parametrize("name", ["gru", "sttr"])
def test_blocks_together_are_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = whole(name)
    for batch, block in ((3, 10), (64, 200)):
        monkeypatch.setattr(frames, "BLOCK", block)
        parts = list(
            frames.frame_features(
                encoder(name), RECORDINGS, window=WINDOW, stride=STRIDE, batch=batch
            )
        )
        assert [index for index, _ in parts] == sorted(index for index, _ in parts)
        assert max(len(part) for _, part in parts) <= block + WINDOW
        for index in range(3):
            assert sum(len(p) for i, p in parts if i == index) == RECORDINGS.length[index]
        assert torch.allclose(torch.cat([p for _, p in parts]), wanted, atol=1e-6)


def test_the_caller_keeps_his_gradients_between_blocks() -> None:
    made = encoder("gru").train()
    for _ in frames.frame_features(made, RECORDINGS, batch=8):
        assert torch.is_grad_enabled()
        assert made.training
        break


def test_weights_that_are_damaged_are_named() -> None:
    made = encoder("gru")
    next(made.parameters()).data.fill_(torch.nan)
    with pytest.raises(InputError, match="hold NaN or Inf"):
        list(frames.frame_features(made, RECORDINGS))


def table(clips: ClipSet, tally: Tally, **how: bool) -> Iterator[Rows]:
    made = encoder("gru")
    sources = [
        Source(Path("a.h5"), clips.take([0, 1])),
        Source(Path("b.h5"), None, "b.h5: damaged"),
        Source(Path("c.h5"), clips.take([2])),
    ]
    needs = needs_of(made, {"source": {"fps": [30.0, 30.0]}})
    return encoded(made, needs, sources, tally, **how)


def test_a_row_for_each_clip(tmp_path: Path) -> None:
    tally = Tally(0, [])
    with write_npz(tmp_path / "f.npz") as add:
        for part in table(RECORDINGS, tally):
            add(part)
    assert (tally.files, tally.problems) == (2, ["b.h5: damaged"])
    with np.load(tmp_path / "f.npz") as file:
        assert file["names"].tolist() == RECORDINGS.names
        assert file["files"].tolist() == ["a.h5", "a.h5", "c.h5"]
        wanted = extract(encoder("gru"), RECORDINGS).numpy()
        assert np.allclose(file["features"], wanted, atol=1e-6)


def test_a_row_for_each_frame_at_the_rate_of_training(tmp_path: Path) -> None:
    file_at_60 = retimed(RECORDINGS, np.full(3, 60.0))
    file_at_60.columns.clear()
    parts = list(table(file_at_60, Tally(0, []), dense=True))
    for name, write in (("d.npz", write_npz), ("d.parquet", write_parquet)):
        with write(tmp_path / name) as add:
            for part in parts:
                add(part)
    with np.load(tmp_path / "d.npz") as file:
        at = file["recording"]
        assert file["names"].tolist() == RECORDINGS.names
        assert np.bincount(at).tolist() == RECORDINGS.length.tolist()
        assert np.array_equal(file["frame"][at == 1], 2 * np.arange(RECORDINGS.length[1]))
        assert np.allclose(file["seconds"], file["frame"] / 60, atol=1e-6)
        features = file["features"]
    reason = "pyarrow is not here; skelf[parquet] has it"
    parquet = pytest.importorskip("pyarrow.parquet", reason=reason)
    parquet = parquet.read_table(tmp_path / "d.parquet")
    assert parquet.column_names[:6] == ["file", "name", "person", "frame", "seconds", "f0"]
    columns = [parquet[f"f{n}"].to_numpy() for n in range(features.shape[1])]
    assert np.array_equal(np.stack(columns, axis=1), features)


def test_no_rows_leave_no_file(tmp_path: Path) -> None:
    for name, write in (("f.npz", write_npz), ("f.parquet", write_parquet)):
        with pytest.raises(InputError, match="no features to write"), write(tmp_path / name):
            pass
    assert list(tmp_path.iterdir()) == []
