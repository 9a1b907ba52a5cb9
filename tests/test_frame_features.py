"""Dense features block by block, against those of the whole recording; tables of features."""

from pathlib import Path

import numpy as np
import pytest
import torch
from search_small import clips, run
from torch import Tensor

from skelf.data.synthetic.clips import generate
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.inference import frames
from skelf.inference.bulk.gather import Tally
from skelf.inference.features import Rows, features
from skelf.inference.rate import retimed
from skelf.inference.source import places
from skelf.inference.writers.features import write_npz, write_parquet
from skelf.protocols.dense import dense
from skelf.protocols.features import extract
from skelf.protocols.windows import average, rows
from skelf.runs.load import load

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


def test_recordings_of_an_archive_give_their_frames_with_the_file_that_they_had(
    tmp_path: Path,
) -> None:
    file_at_60 = retimed(clips(), np.full(len(clips()), 60.0))
    file_at_60.columns.clear()
    file_at_60.save(tmp_path / "a.h5")
    parts = table(tmp_path, tally=Tally(), dense=True)
    for name, write in (("d.npz", write_npz), ("d.parquet", write_parquet)):
        with write(tmp_path / name) as add:
            for part in parts:
                add(part)
    with np.load(tmp_path / "d.npz") as file:
        at, lengths = file["recording"], retimed(file_at_60, np.full(len(clips()), 30.0)).length
        assert file["names"].tolist() == clips().names
        assert np.bincount(at).tolist() == lengths.tolist()
        assert np.array_equal(file["frame"][at == 1], 2 * np.arange(lengths[1]))
        assert np.allclose(file["seconds"], file["frame"] / 60, atol=1e-6)
        values = file["features"]
    reason = "pyarrow is not here; skelf[parquet] has it"
    parquet = pytest.importorskip("pyarrow.parquet", reason=reason)
    parquet = parquet.read_table(tmp_path / "d.parquet")
    assert parquet.column_names[:6] == ["file", "name", "person", "frame", "seconds", "f0"]
    columns = [parquet[f"f{n}"].to_numpy() for n in range(values.shape[1])]
    assert np.array_equal(np.stack(columns, axis=1), values)


def table(folder: Path, tally: Tally, **how: bool) -> list[Rows]:
    with features(places([folder]), run(), folder / "out", tally=tally, **how) as rows:
        return list(rows)


def test_a_row_for_each_clip(tmp_path: Path) -> None:
    clips().take([0, 1]).save(tmp_path / "a.h5")
    (tmp_path / "b.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:2000])
    clips().take([2]).save(tmp_path / "c.h5")
    tally = Tally()
    with write_npz(tmp_path / "f.npz") as add:
        for part in table(tmp_path, tally):
            add(part)
    assert tally.files == 2 and len(tally.problems) == 1 and "b.h5" in tally.problems[0]
    with np.load(tmp_path / "f.npz") as file:
        assert file["names"].tolist() == clips().names[:3]
        assert file["files"].tolist() == [str(tmp_path / name) for name in ("a.h5", "a.h5", "c.h5")]
        assert file["persons"].tolist() == [-1, -1, -1]
        wanted = extract(load(run()), clips().take([0, 1, 2])).numpy()
        assert np.allclose(file["features"], wanted, atol=1e-6)
    assert not list(tmp_path.glob(".*"))  # nothing waits any more


def test_an_npz_is_that_of_numpy_whatever_the_blocks(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    names = ["a", "b\n", "\u00e4" * 9, "", "e", "f"]
    with write_npz(tmp_path / "f.npz") as add:
        for part in (slice(0, 1), slice(1, 6)):
            person = np.arange(6)[part]
            add(Rows("x" * (3 + part.start), names[part], person, None, None, values[part]))
    with np.load(tmp_path / "f.npz") as file:
        assert file.files == ["names", "files", "persons", "features"]
        assert np.array_equal(file["names"], np.array(names))
        assert file["files"].tolist() == ["xxx", *["xxxx"] * 5]
        assert np.array_equal(file["features"], values) and file["persons"].tolist() == [*range(6)]


def test_no_rows_leave_no_file(tmp_path: Path) -> None:
    for name, write in (("f.npz", write_npz), ("f.parquet", write_parquet)):
        with pytest.raises(InputError, match="no features to write"), write(tmp_path / name):
            pass
    assert list(tmp_path.iterdir()) == []
