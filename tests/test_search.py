"""Search: where windows lie, what is found against a slow scan, filters, approximate and exact."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from search_small import HOW, clips, run, unit

import skelf
from skelf.data.clips import ClipSet
from skelf.errors import InputError
from skelf.protocols.features import extract
from skelf.protocols.windows import Windows, as_clips
from skelf.search import Hit, Index, Search, build, pending
from skelf.search import part_file as parts
from skelf.search.approximate import build as build_cells
from skelf.search.places import WHOLE, Places, places, window_labels
from skelf.search.recall import exact_scores, measure
from skelf.search.space import space_of
from skelf.search.stretch import Named, parse


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("search") / "clips.h5"
    clips().save(path)
    return path


@pytest.fixture(scope="module")
def index(store: Path) -> Index:
    return Index.open(build(store, run(), store.parent / "index", how=HOW))


@pytest.fixture(scope="module")
def slow(store: Path) -> tuple[np.ndarray, Places]:
    """Vectors of all windows by the encoder itself, in the space that the docs tell of."""
    data = ClipSet.open(store)
    laid = places(data.length, data.fps, HOW.scales, HOW.stride)
    windows = Windows(laid.recording, laid.start, laid.length, laid.start, laid.length)
    return unit(extract(skelf.load(run()), as_clips(data, windows)).numpy()), laid


@pytest.mark.parametrize("stride", [0.25, 0.5, 1.0])
def test_windows_cover_every_frame_at_each_scale(stride: float) -> None:
    frames, fps = np.array([1, 29, 37, 38, 200, 91]), np.array([30, 30, 30, 30, 30, 15.0])
    scales = (1.0, 2.0, 4.0)
    laid = places(frames, fps, scales, stride)
    for recording, (count, rate) in enumerate(zip(frames, fps, strict=True)):
        for scale, seconds in enumerate(scales):
            rows = np.flatnonzero((laid.recording == recording) & (laid.scale == scale))
            window = round(seconds * rate)
            if scale and count <= WHOLE * round(scales[scale - 1] * rate):
                assert len(rows) == 0  # it was one window already
                continue
            starts, lengths = laid.start[rows], laid.length[rows]
            if count <= WHOLE * window:
                assert lengths.tolist() == [count]
                continue
            assert set(lengths.tolist()) == {window}
            assert starts[0] == 0 and starts[-1] == count - window
            assert np.diff(starts).max() <= round(stride * window)


def test_a_windows_class_is_that_of_the_segment_it_shares_most_with() -> None:
    data = clips()
    laid = places(data.length, data.fps, (0.5, 1.0, 3.0), 0.5)
    labels = window_labels(data, laid)
    seen = set()
    for at, label in enumerate(labels.tolist()):
        recording, start, length = (int(c[at]) for c in laid[:3])
        own = [s for s in data.segments.tolist() if s[0] == recording]
        if not own:
            assert label == data.label[recording]
            continue
        shared = [min(start + length, s[2]) - max(start, s[1]) for s in own]
        best = int(np.argmax(shared))
        half = min(length, own[best][2] - own[best][1]) / 2
        assert label == (own[best][3] if shared[best] >= max(half, 0.5) else -1)
        seen.add(label)
    assert -1 in seen and len(seen) > 2


def test_a_part_keeps_what_differs_beside_a_large_common_part(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = (1000 + rng.normal(size=(300, 16)) * np.linspace(0.1, 3, 16)).astype(np.float32)
    rows = np.arange(300)
    columns = (rows * 0, rows * 0, rows, rows + 9, rows * 0, rows % 3 - 1)
    one, texts = np.zeros(1, np.int64), ["a recording"]
    recordings = parts.Recordings(
        one, one, one, texts, one + 30.0, one + 309, one - 1, one, one, one, one - 1, one + 2**60
    )
    sums = [
        parts.write(
            tmp_path / f"{k}.safetensors",
            vectors[cut],
            parts.Windows(*(column[cut] for column in columns)),
            recordings,
        )
        for k, cut in enumerate((slice(0, 100), slice(100, 300)))
    ]
    read = [parts.read(tmp_path / f"{k}.safetensors", sums[k]) for k in range(2)]
    assert list(read[0].recordings.name) == texts and read[0].recordings.digest.tolist() == [2**60]
    assert read[1].windows.label.tolist() == (rows[100:] % 3 - 1).tolist()
    space = space_of(read)
    np.testing.assert_allclose(space.mean, vectors.astype(float).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(space.deviation, vectors.astype(float).std(axis=0), rtol=1e-6)
    kept = np.concatenate([space.of_part(part) for part in read])
    assert np.abs((kept * unit(vectors)).sum(axis=1) - 1).max() < 1e-5
    np.testing.assert_allclose(space.of(vectors), unit(vectors), atol=1e-5)


def overlap(a: Hit, b: Hit) -> bool:
    same = (a.source, a.recording) == (b.source, b.recording)
    return same and a.start_frame < b.end_frame and b.start_frame < a.end_frame


@pytest.mark.parametrize("clip", [0, 5, 9])
def test_hits_are_those_of_a_slow_scan(
    clip: int, store: Path, index: Index, slow: tuple[np.ndarray, Places]
) -> None:
    data, (vectors, laid) = ClipSet.open(store), slow
    # A stretch of half a second: one window of the smallest scale, which the index has as well.
    at = int(np.flatnonzero((laid.recording == clip) & (laid.scale == 0))[1])
    begin, length = int(laid.start[at]), int(laid.length[at])
    scores = vectors @ vectors[at]
    kept: list[int] = []
    for row in np.argsort(-scores, kind="stable"):
        reach = [(clip, begin, begin + length)]
        reach += [(laid.recording[k], laid.start[k], laid.start[k] + laid.length[k]) for k in kept]
        end = laid.start[row] + laid.length[row]
        if all(laid.recording[row] != r or end <= a or laid.start[row] >= b for r, a, b in reach):
            kept.append(int(row))
    query = f"{store}#{data.names[clip]}@{begin / 30}-{(begin + length) / 30}"
    hits = index.query(query, top=10)
    assert [hit.row for hit in hits] == kept[:10]
    np.testing.assert_allclose([hit.score for hit in hits], scores[kept[:10]], atol=2e-3)
    for hit, row in zip(hits, kept, strict=False):
        assert hit.recording == data.names[laid.recording[row]]
        assert (hit.start_frame, hit.end_frame) == (
            laid.start[row], laid.start[row] + laid.length[row],
        )  # fmt: skip
        assert hit.start == pytest.approx(hit.start_frame / 30, abs=1e-6)
        assert hit.subject == data.subject[laid.recording[row]]


def test_hits_that_overlap_are_one_and_the_query_is_left_out(store: Path, index: Index) -> None:
    query = f"{store}#9@0.5-1.5"
    hits = index.query(query, top=len(index))
    assert not any(overlap(a, b) for n, a in enumerate(hits) for b in hits[:n])
    assert all(a.score >= b.score for a, b in pairwise(hits))
    name = ClipSet.open(store).names[9]
    assert not any(h.recording == name and h.start < 1.5 and h.end > 0.5 for h in hits)
    assert any(h.recording == name for h in hits)  # elsewhere in it may be more of the same
    with_self = index.query(query, top=1, keep_self=True)[0]
    assert with_self.recording == name and with_self.score > 0.999
    assert (with_self.start, with_self.end) == (0.5, 1.5)


def test_a_long_query_is_searched_window_by_window(store: Path, index: Index) -> None:
    data = ClipSet.open(store)
    assert data.length[8] > 5 * 30
    hit = index.query(f"{store}#8", top=1, keep_self=True)[0]
    assert hit.score > 0.999 and hit.end - hit.start == pytest.approx(2)
    assert index.query(f"{store}#8")[0].recording != data.names[8]


def test_clips_in_python_and_their_file_give_the_same(store: Path, index: Index) -> None:
    data = ClipSet.open(store)
    named = index.query(f"{store}#9@1-2")
    assert named == index.query(data.take([9]), start=1, end=2)
    assert named == index.query(f"{store}#{data.names[9]}", start=1, end=2)


def test_filters_hold_and_lose_nothing(store: Path, index: Index) -> None:
    query = f"{store}#2"
    everything = index.query(query, top=len(index))
    some = everything[0].label
    assert some
    for where in (
        {"subject": [1]},
        {"subject": ["0", "2", "3"], "camera": [everything[0].camera, everything[1].camera]},
        {"label": [some]},
        {"recording": [everything[1].recording]},
    ):
        hits = index.query(query, top=len(index), where=where)
        assert hits
        for hit in hits:
            for key, values in where.items():
                assert str(getattr(hit, key)) in map(str, values)
        best = next(
            h for h in everything
            if all(str(getattr(h, k)) in map(str, v) for k, v in where.items())
        )  # fmt: skip
        assert hits[0].score >= best.score  # what overlaps it may be of another class


def test_small_parts_give_the_hits_of_one(
    store: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "WINDOWS", 16)
    small = Index.open(build(store, run(), tmp_path / "small", how=HOW))
    assert len(small.opened.parts) > 5 and len(small) == len(index)
    assert any(len(part.recordings) == 0 for part in small.opened.parts)  # that of one before
    some = index.query(f"{store}#2", top=3)
    for where in (None, {"subject": [1]}, {"recording": [hit.recording for hit in some]}):
        for keep in (False, True):
            hits, of_small = (
                each.query(f"{store}#9@0.5-1.5", top=9, where=where, keep_self=keep)
                for each in (index, small)
            )
            assert [hit[1:] for hit in hits] == [hit[1:] for hit in of_small]
            np.testing.assert_allclose(
                [hit.score for hit in hits], [hit.score for hit in of_small], atol=1e-3
            )


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ({"subject": [44]}, "unknown subject '44'"),
        ({"label": ["no_such"]}, "unknown label 'no_such'"),
        ({"weight": [1]}, "unknown filter 'weight'"),
        ({"recording": ["none"]}, "no window of the index is so"),
    ],
)
def test_a_filter_that_nothing_fulfils_is_refused(
    store: Path, index: Index, where: dict[str, list[str]], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        index.query(f"{store}#0", where=where)


def test_an_approximate_index_finds_what_the_exact_one_does(
    store: Path, index: Index, tmp_path: Path
) -> None:
    said: list[str] = []
    how = replace(HOW, exact_up_to=40)
    near = Index.open(build(store, run(), tmp_path / "near", how=how, say=said.append))
    about = near.manifest.approximation
    assert about is not None and not near.exact
    assert about.recall >= 0.98 and f"finds {about.recall:.1%}" in said[-1]
    assert about.windows == len(near) == len(index)
    for query in ("#2", "#9@1-2", "#10@0-3"):
        exact, found = (i.query(f"{store}{query}", top=5) for i in (index, near))
        assert [h[1:] for h in exact] == [h[1:] for h in found]
        np.testing.assert_allclose([h.score for h in exact], [h.score for h in found], atol=1e-5)
        where = {"subject": [0, 1]}
        both = [i.query(f"{store}{query}", top=5, where=where) for i in (index, near)]
        assert [h.row for h in both[0]] == [h.row for h in both[1]]


def test_recall_is_measured_against_every_vector() -> None:
    rng = np.random.default_rng(0)
    recording = np.repeat(np.arange(50), 20)
    x = rng.normal(size=(50, 1, 24)) + 0.5 * rng.normal(size=(50, 20, 24))
    x = unit(x.reshape(-1, 24)).astype(np.float32)
    without = np.stack([20 * recording[::100], 20 * recording[::100] + 20], axis=1)
    scores = exact_scores(x[::100], lambda: iter([(0, x[:300]), (300, x[300:])]), without)
    for query, best in zip(np.arange(1000)[::100], scores, strict=True):
        others = np.delete(x @ x[query], np.flatnonzero(recording == recording[query]))
        np.testing.assert_allclose(np.sort(best), np.sort(others)[-10:], atol=1e-6)

    class OnePart:
        windows, mean = recording, np.zeros(24)

    class Plain:
        mean = np.zeros(24)

        def of_part(self, part: object, rows: object = slice(None)) -> np.ndarray:
            return x[rows]  # type: ignore[index]

    cells = build_cells([OnePart()], Plain(), lambda *_: None)  # type: ignore[list-item,arg-type]
    blocks = lambda: iter([(0, x)])  # noqa: E731
    few = measure(cells, lambda rows: x[rows], blocks, recording, 0.01)
    most = measure(cells, lambda rows: x[rows], blocks, recording, 1.0)
    assert few[0] == 8 < most[0] and 0.01 < few[1] < most[1] == 1.0


def test_what_is_added_is_found_as_if_it_had_been_there(
    store: Path, index: Index, tmp_path: Path
) -> None:
    data = ClipSet.open(store)
    halves = [data.take(np.arange(0, 6)), data.take(np.arange(6, 11))]
    for at, half in enumerate(halves):
        half.save(tmp_path / f"{at}.h5")
    said: list[str] = []
    out = build(tmp_path / "0.h5", run(), tmp_path / "grown", how=HOW)
    build([tmp_path / "0.h5", tmp_path / "1.h5"], None, out, add=True, say=said.append)
    assert said == [f"{tmp_path / '0.h5'}: in the index already"]
    grown = Index.open(out)
    assert len(grown) == len(index) and len(grown.manifest.sources) == 2
    for query in ("#2", "#9@1-2"):
        pairs = zip(index.query(f"{store}{query}"), grown.query(f"{store}{query}"), strict=True)
        for one, other in pairs:
            assert one[2:-1] == other[2:-1]  # but for file and row
            assert one.score == pytest.approx(other.score, abs=2e-3)


def test_an_approximate_index_grows_and_is_built_anew_when_it_has_doubled(
    store: Path, index: Index, tmp_path: Path
) -> None:
    data = ClipSet.open(store)
    order = (0, 8, 9, 10)  # 8 is far longer than 0; 9 and 10 are as long as 8
    for at in order:
        data.take([at]).save(tmp_path / f"{at}.h5")
    out, centred = tmp_path / "grown", []
    how = replace(HOW, exact_up_to=2)
    for at in order:
        build(tmp_path / f"{at}.h5", run(), out, how=how)
        about = Index.open(out).manifest.approximation
        assert about is not None and about.parts == len(centred) + 1
        centred.append(about.centred)
        assert len(list(out.glob("approximate-*.faiss"))) == 1
    assert centred == [1, 2, 2, 4]
    grown = Index.open(out)
    assert grown.opened.cells.ntotal == len(grown)
    hit = grown.query(f"{tmp_path / '0.h5'}", top=1, keep_self=True)[0]
    assert hit.score > 0.999 and hit.source == str(tmp_path / "0.h5")


def test_frames_are_those_of_a_file_at_another_rate(store: Path, tmp_path: Path) -> None:
    data = ClipSet.open(store).take([8])
    slow, count = data.clip(0), int(data.length[0])
    position = np.arange(2 * count - 1) / 2
    between = (position % 1)[:, None, None, None]
    joints = slow[position.astype(int)] * (1 - between)
    joints += slow[np.ceil(position).astype(int)] * between
    fast = replace(data, joints=joints.astype(np.float32), start=np.zeros(1, np.int64),
                   length=np.array([len(joints)]), fps=2 * data.fps, path=None, stored=None,
                   segments=np.zeros((0, 4), np.int64))  # fmt: skip
    fast.save(tmp_path / "fast.h5")
    said: list[str] = []
    out = build(tmp_path / "fast.h5", run(), tmp_path / "index", how=HOW, say=said.append)
    opened = Index.open(out).opened
    assert any("frame rate: 60 to 30" in line for line in said)
    (part,) = opened.parts
    assert part.windows.end.max() == fast.length[0]
    assert part.recordings.fps.tolist() == [60.0]
    query = f"{tmp_path / 'fast.h5'}@{32 / 30}-{47 / 30}"  # a window of the index
    hit = Index.open(out).query(query, top=1, keep_self=True)[0]
    assert hit.score > 0.999 and (hit.start_frame, hit.end_frame) == (64, 94)
    assert (hit.start, hit.end) == pytest.approx((32 / 30, 47 / 30), abs=1e-6)


def test_each_person_is_searched_where_the_encoder_looks_at_one(tmp_path: Path) -> None:
    data = clips().take([9])
    other = clips().clip(10)[: int(data.length[0])]
    both = np.zeros((int(data.length[0]), 2, *data.joints.shape[2:]), np.float32)
    both[:, 0], both[: len(other), 1] = data.clip(0)[:, 0], other[:, 0]
    pair = replace(data, joints=both, start=np.zeros(1, np.int64), path=None)
    pair.save(tmp_path / "pair.h5")
    index = Index.open(build(tmp_path / "pair.h5", run(), tmp_path / "index", how=HOW))
    assert index.opened.parts[0].recordings.person.tolist() == [0, 1]
    alone = clips().take([10])
    hit = index.query(alone, 1, start=0.5, end=1.5)[0]
    assert hit.person == 1 and hit.start == 0.5 and hit.score > 0.999
    from skelf.search.motion import Motions

    seen = Motions(index).of(hit).clip(0)
    np.testing.assert_array_equal(seen, alone.clip(0)[15:45])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a.csv", Named("a.csv")),
        ("a.csv@1-2.5", Named("a.csv", None, 1.0, 2.5)),
        ("a.csv@.5-2.", Named("a.csv", None, 0.5, 2.0)),
        ("s.h5#x", Named("s.h5", "x")),
        ("s.h5#12@0-1", Named("s.h5", "12", 0.0, 1.0)),
        ("s.h5#x@y", Named("s.h5", "x@y")),
        ("s.h5#x#y", Named("s.h5#x", "y")),  # a file that does not exist: the last one counts
    ],
)
def test_what_a_query_names(text: str, named: Named) -> None:
    assert parse(text) == named


def test_a_file_of_that_very_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a#b.h5", "c@1-2"):
        Path(name).touch()
    assert parse("a#b.h5") == Named("a#b.h5")
    assert parse("a#b.h5#c#d") == Named("a#b.h5", "c#d")
    assert parse("c@1-2") == Named("c@1-2")
    assert parse("a#b.h5@1-2") == Named("a#b.h5", None, 1.0, 2.0)


@pytest.mark.parametrize("wrong", [{"scales": ()}, {"scales": (2.0, 1.0)}, {"scales": (0.0,)}])
def test_settings_that_lay_no_windows_are_refused(wrong: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(InputError, match=r"search\.scales"):
        Search(**wrong)


def test_an_index_works_alone(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run(), copy)
    out = build(store, copy, tmp_path / "index", how=HOW)
    shutil.rmtree(copy)
    moved = shutil.move(out, tmp_path / "moved")
    assert len(Index.open(moved).query(f"{store}#1", top=3)) == 3
