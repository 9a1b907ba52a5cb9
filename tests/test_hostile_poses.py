"""Readers of poses against damaged and hostile files: one clear InputError, nothing written."""

from __future__ import annotations

import json
import pickle
import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pose_files import GOOD, JSON, body, edit, flat

from skelf.cli import main as cli
from skelf.data import pool
from skelf.data.clips import ClipSet
from skelf.data.formats import members, text
from skelf.data.readers import READERS, kinetics, openpose, precog, reader_options
from skelf.errors import InputError
from skelf.settings.options import table

ALL = pytest.mark.parametrize("name", GOOD)


def made(name: str, folder: Path) -> tuple[str, Path, Path]:
    """Format, what the user names, and the file to damage."""
    format_, write, in_folder = GOOD[name]
    file = write(folder)
    return format_, folder if in_folder else file, file


def refused(name: str, folder: Path, change: Callable[[Path], Any]) -> str:
    """The message that the damaged file gives, the same by the command line with exit code 2."""
    data = folder / "data"
    data.mkdir()
    format_, path, file = made(name, data)
    change(file)
    with warnings.catch_warnings(), pytest.raises(InputError) as error:
        warnings.simplefilter("ignore")
        READERS[format_](path)
    message = str(error.value)
    assert "\n" not in message and file.name in message, message
    out = folder / "out"
    out.mkdir()
    argv, sys.argv = sys.argv, ["skelf", "data", "import", format_, str(path)]
    sys.argv += ["--out", str(out / "s.h5")]
    try:
        with pytest.raises(SystemExit) as stop:
            cli.main()
    finally:
        sys.argv = argv
    assert stop.value.code == 2 and not list(out.iterdir())
    return message


@ALL
def test_good_files(name: str, tmp_path: Path) -> None:
    format_, path, _ = made(name, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*nothing says a unit: taken for")
        clips = READERS[format_](path)
    assert len(clips) == 1 and clips.length.tolist() == [4]
    assert (clips.joints[:, 0] != 0).any(axis=2).all()
    calls: list[tuple[int, int]] = []
    if name != "coco":
        READERS[format_](path, progress=lambda *call: calls.append(call))
        assert calls == [(1, 1)]


@ALL
def test_what_goes_to_workers_pickles(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ordered(fn: Any, items: Any, workers: int) -> Any:
        assert workers == 3
        fn, items = pickle.loads(pickle.dumps((fn, items)))
        return (pickle.loads(pickle.dumps(fn(item))) for item in items)

    format_, path, _ = made(name, tmp_path)
    cls = reader_options(format_)
    if cls is None or "workers" not in table(cls):
        return
    want = READERS[format_](path).digest()
    monkeypatch.setattr(pool, "ordered", ordered)
    assert READERS[format_](path, None, cls(workers=3)).digest() == want


@ALL
def test_through_a_store(name: str, tmp_path: Path) -> None:
    format_, path, _ = made(name, tmp_path)
    clips = READERS[format_](path)
    clips.save(tmp_path / "s.h5")
    again = ClipSet.open(tmp_path / "s.h5")
    again.validate()
    assert again.digest() == clips.digest() and again.attributes == clips.attributes


@ALL
@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe\x00", "not UTF-8"),
        (b"\x80\x04\x95cos\nsystem\n", "not UTF-8"),
    ],
)
def test_other_content(name: str, damage: bytes, match: str, tmp_path: Path) -> None:
    assert match in refused(name, tmp_path, lambda file: file.write_bytes(damage))


@ALL
def test_cut_off(name: str, tmp_path: Path) -> None:
    def cut(file: Path) -> None:
        file.write_bytes(file.read_bytes()[: -len(file.read_bytes()) // 3])

    assert "cut off" in refused(name, tmp_path, cut)


def spoil(name: str, file: Path, value: str) -> None:
    """Puts a value in the place of a number."""
    content = file.read_text()
    if name in JSON:
        number = content.index(".", content.index("keypoints")) if "keypoints" in content else 0
        start = content.rindex(" ", 0, number or content.index(".")) + 1
        start += content[start] == "["
        end = min(content.index(mark, start) for mark in ",]}" if mark in content[start:])
    else:
        start = content.index("\n") + 1 + (2 if name == "mediapipe csv" else 0)
        end = min(content.index(mark, start) for mark in ", " if mark in content[start:])
    file.write_text(content[:start] + value + content[end:])


@ALL
@pytest.mark.parametrize("value", ["Infinity", "-Infinity", "1e39", "1e999"])
def test_no_finite_number(name: str, value: str, tmp_path: Path) -> None:
    message = refused(name, tmp_path, lambda file: spoil(name, file, value))
    assert "no finite number" in message


@ALL
def test_nan_is_a_joint_that_was_not_seen(name: str, tmp_path: Path) -> None:
    format_, path, file = made(name, tmp_path)
    whole = READERS[format_](path)
    spoil(name, file, "NaN")
    clips = READERS[format_](path)
    clips.validate()
    changed = (clips.joints != whole.joints).any(axis=-1)
    if name == "mediapipe":  # it was one in the image, which only tells persons apart
        assert not changed.any()
        return
    assert changed.sum() == 1  # one joint in one frame, with another's place
    assert clips.joints[changed][0, : clips.coordinates].any() == (name != "kinetics")
    if clips.confidence:
        assert clips.joints[changed][0, -1] == 0


@pytest.mark.parametrize("name", JSON)
def test_nested_deeply(name: str, tmp_path: Path) -> None:
    deep = "[" * 200_000 + "]" * 200_000
    assert "nested too deeply" in refused(name, tmp_path, lambda file: file.write_text(deep))


@pytest.mark.parametrize("name", JSON)
@pytest.mark.parametrize("content", ["null", "3", '"text"', "[3]", '{"a": 1}', "true", "[[]]"])
def test_other_json(name: str, content: str, tmp_path: Path) -> None:
    message = refused(name, tmp_path, lambda file: file.write_text(content))
    assert any(word in message for word in ("missing", "expected", "as alphapose"))


@ALL
def test_huge(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (kinetics, openpose, precog):
        monkeypatch.setattr(module, "MOST_BYTES", 100)
    monkeypatch.setattr(text.read_json, "__defaults__", (100,))
    monkeypatch.setattr(text.read_csv, "__defaults__", (",", 100))
    assert "larger than 100 bytes" in refused(name, tmp_path, lambda file: None)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(1 << 40)  # sparse: it takes no room on the disk
    with pytest.raises(InputError, match=r"a\.json: larger than 67,108,864 bytes"):
        READERS["kinetics"](tmp_path)


def crowd(name: str, count: int) -> Callable[[Path], None]:
    pose = body({"openpose": 25, "kinetics": 18}.get(name, 17))

    def change(content: Any) -> Any:
        if name == "openpose":
            content["people"] *= count
        elif name == "alphapose":
            return content + content[:1] * count
        elif name == "mediapipe":
            person = content[0]["pose_world_landmarks"] if count < 1000 else []
            content[0]["pose_world_landmarks"] = [person] * count
        elif name == "coco":
            content["annotations"] += content["annotations"][:1] * count
        else:
            one = {"pose": flat(pose[:, :2]), "score": flat(pose[:, 2:])}
            content["data"][1]["skeleton"] = [one] * count
        return content

    return lambda file: edit(file, change)


@pytest.mark.parametrize("name", JSON)
def test_two_thousand_bodies(name: str, tmp_path: Path) -> None:
    assert "more than 256 persons" in refused(name, tmp_path, crowd(name, 2_000))


@pytest.mark.parametrize("name", JSON)
def test_a_full_frame_is_read(name: str, tmp_path: Path) -> None:
    format_, path, file = made(name, tmp_path)
    crowd(name, 200)(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert READERS[format_](path).length.tolist() == [4]


def joints(name: str) -> Callable[[Any], Any]:
    def change(content: Any) -> None:
        if name == "openpose":
            content["people"][0]["pose_keypoints_2d"] *= 2
        elif name == "alphapose":
            content[2]["keypoints"] *= 2
        elif name == "mediapipe":
            content[1]["pose_world_landmarks"] *= 2
        elif name == "coco":
            content["annotations"][1]["keypoints"] *= 2
        else:
            content["data"][1]["skeleton"][0]["pose"] *= 2

    return change


@pytest.mark.parametrize("name", JSON)
def test_wrong_joint_count(name: str, tmp_path: Path) -> None:
    message = refused(name, tmp_path, lambda file: edit(file, joints(name)))
    assert " joints, expected " in message and "name the layout" in message


def test_two_layouts_in_one_video(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        content[2]["keypoints"] = flat(body(26))

    message = refused("alphapose", tmp_path, lambda file: edit(file, change))
    assert "poses of 17 and of 26 joints" in message


@ALL
def test_no_such_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none"):
        READERS[GOOD[name][0]](tmp_path / "none")


@ALL
def test_a_folder_without_files(name: str, tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text('layout = "coco17"')
    with pytest.raises(InputError, match=r"no .*\.(json|csv)|no \*_keypoints|name one annotation"):
        READERS[GOOD[name][0]](tmp_path)


def test_frames_that_span_years(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        content[2]["image_id"] = "999999999999.jpg"

    message = refused("alphapose", tmp_path, lambda file: edit(file, change))
    assert "from 0 to 999999999999; a video has at most" in message


# A value of JSON that may stand anywhere: plausible numbers, odd ones, other kinds.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.integers()
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(max_size=6)
    | st.sampled_from(["\ud800", "a\0", "\n", "9" * 400, 10**400, -0.0, 2**53]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4) | st.just("\n"), inner, max_size=3)
    ),
    max_leaves=5,
)
FUZZ = settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def replaced(content: Any, seed: int, value: Any) -> Any:
    """The content with one node, chosen by `seed`, replaced, dropped or doubled."""
    rng = random.Random(seed)
    at = content
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return value
        key = rng.choice(keys)
        inner = at[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.85:
            at = inner
            continue
        action = rng.choice(("set", "drop", "double"))
        if action == "drop":
            del at[key]
        elif action == "double" and isinstance(at, list):
            at.insert(key, inner)
        else:
            at[key] = value
        return content


def reads_or_refuses(name: str, change: Callable[[Path], None]) -> None:
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        format_, path, file = made(name, Path(folder))
        change(file)
        try:
            READERS[format_](path).validate()
        except InputError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("name", JSON)
def test_fuzz_values(name: str) -> None:
    @FUZZ
    @given(st.integers(0, 2**32), VALUES)
    def fuzz(seed: int, value: Any) -> None:
        def change(file: Path) -> None:
            file.write_text(json.dumps(replaced(json.loads(file.read_text()), seed, value)))

        reads_or_refuses(name, change)

    fuzz()


@ALL
def test_fuzz_bytes(name: str) -> None:
    @FUZZ
    @given(st.floats(0, 1), st.integers(0, 9), st.binary(max_size=12) | st.sampled_from(TOKENS))
    def fuzz(place: float, drop: int, insert: bytes) -> None:
        def change(file: Path) -> None:
            content = file.read_bytes()
            at = int(place * len(content))
            file.write_bytes(content[:at] + insert + content[at + drop :])

        reads_or_refuses(name, change)

    fuzz()


TOKENS = [b",", b"\n", b";", b'"', b"nan", b"inf", b"-1", b"1e308", b"\0", b"_", b"9" * 400]
TOKENS += [b"\r", b"'", b"[", b"]", b"{", b"}", b"0x1", b"1_0", "٣".encode(), b"\xef\xbb\xbf"]


def test_fuzz_mapping() -> None:
    @FUZZ
    @given(st.floats(0, 1), st.integers(0, 9), st.binary(max_size=8) | st.sampled_from(TOKENS))
    def fuzz(place: float, drop: int, insert: bytes) -> None:
        def change(file: Path) -> None:
            mapping = file.parents[1] / "mapping.toml"
            content = mapping.read_bytes()
            at = int(place * len(content))
            mapping.write_bytes(content[:at] + insert + content[at + drop :])

        reads_or_refuses("csv", change)

    fuzz()


def test_members_of_a_zip_stay_inside(tmp_path: Path) -> None:
    from zipfile import ZipFile

    good = made("kinetics", tmp_path)[2].read_text()
    with ZipFile(tmp_path / "good.zip", "w") as file:
        file.writestr("kinetics_val/v.json", good)
        file.writestr("kinetics_train/t.json", good)
    clips = READERS["kinetics"](tmp_path / "good.zip")
    assert clips.names == ["kinetics_train/t", "kinetics_val/v"]
    assert clips.splits["official"].tolist() == [1, 2]
    with ZipFile(tmp_path / "bad.zip", "w") as file:
        file.writestr("../out.json", good)
    with pytest.raises(InputError, match="leads out of the zip"):
        READERS["kinetics"](tmp_path / "bad.zip")
    assert members.find(tmp_path / "good.zip", {".json"})
