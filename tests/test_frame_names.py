"""Which number in an image's name is the frame's, and whose images they are."""

from __future__ import annotations

import pytest

from skelf.data.formats.frame_names import note_of_several, videos
from skelf.errors import InputError


def placed(*images: str | int, sampled: bool = False) -> dict[str, list[int]]:
    """Video -> the frames of its images, in their order."""
    return {part.name: list(part.frames.values()) for part in videos(images, "f", sampled)}


SINGLE = {  # what varies in one video; frames 0 to 3
    "a camera behind": "frame_{:04}_cam2.jpg",
    "a camera behind, short": "f{:04}_cam1.jpg",
    "a video's name": "walk_{}.mp4.jpg",
    "Roboflow's checksum": "clip_mp4-{}_jpg.rf.8c0f1a90b7d35e2a{}c4{:03}.jpg",
    "Label Studio's checksum": "1a2b3c4{}-walk_{:03}.png",
    "a UUID": "walk_{}_1a2b3c4d-aaaa-4bbb-8ccc-12345678901{}.png",
    "a long checksum": "walk_{}_9f86d081884c7d659a2feaa0c55ad01{}.png",
    "a time beside": "{:04}_{}33ms.jpg",
    "no suffix": "take2_{:04}",
    "a folder": "videos/2/{:04}.png",
}


@pytest.mark.parametrize("form", SINGLE)
def test_the_number_that_varies_is_the_frames(form: str) -> None:
    names = [SINGLE[form].format(*[t] * SINGLE[form].count("{")) for t in range(4)]
    (frames,) = placed(*names).values()
    assert frames == [0, 1, 2, 3]
    (frames,) = placed(*names[::-1]).values()
    assert frames == [3, 2, 1, 0]


def test_a_score_is_no_video() -> None:
    names = [f"frame_{t:03}_score{80 + t % 3}.png" for t in range(9)]
    assert list(placed(*names).values()) == [list(range(9))]


SEVERAL = {  # two videos of frames 0 to 2
    "cameras behind": ("frame_{t:04}_cam{v}.jpg", "cam1 cam2"),
    "cameras before": ("cam{v}_{t:06}.png", "cam1 cam2"),
    "subjects": ("S00{v}_{t:04}.jpg", "S001 S002"),
    "a counter of the camera": ("IMG_{v}_{t:04}.jpg", "IMG_1 IMG_2"),
    "folders": ("{v}/{t:04}.jpg", "1 2"),
    "dates": ("2021092{v}_161106_{t:04}.png", "20210921_161106 20210922_161106"),
    "one number after the other": ("take{v}_{n:04}.jpg", "take1 take2"),
}


@pytest.mark.parametrize("form", SEVERAL)
@pytest.mark.parametrize("mixed", [False, True])
def test_videos_in_one_file(form: str, mixed: bool) -> None:
    name, labels = SEVERAL[form]
    names = [name.format(t=t, v=v, n=3 * v + t) for v in (1, 2) for t in range(3)]
    if mixed:
        names = [names[i] for i in (0, 3, 1, 4, 2, 5)]
    assert placed(*names) == {label: [0, 1, 2] for label in labels.split()}
    assert note_of_several(videos(names, "f")).startswith("2 videos in one file by the names")


def test_videos_by_their_words() -> None:
    names = [f"{who}_{t}.jpg" for who in ("anna", "ben") for t in range(3)]
    assert placed(*names) == {"anna": [0, 1, 2], "ben": [0, 1, 2]}


def test_cameras_alone() -> None:
    assert placed("cam1.jpg", "cam2.jpg") == {"cam1": [0], "cam2": [0]}


ORDERED = {  # no frame numbers: images follow one another in the order of their numbers
    "screenshots": [f"Annotation 2021-09-27 16{time}.png" for time in ("1106", "1109", "2001")],
    "screenshots of macOS": [f"Screenshot 2021-09-27 at 16.1{m}.0{m}.png" for m in range(3)],
    "milliseconds": [f"{1632730266106 + 33 * t}.png" for t in range(3)],
    "nanoseconds": [f"{1403636579763555584 + 50_000_000 * t}.png" for t in range(3)],
    "seconds": ["rgb_0.50.png", "rgb_1.00.png", "rgb_12.25.png"],
    "photos": ["000000000139.jpg", "000000000285.jpg", "000000000632.jpg"],
}  # fmt: skip


@pytest.mark.parametrize("form", ORDERED)
def test_numbers_that_count_no_frames(form: str) -> None:
    for names in (ORDERED[form], ORDERED[form][::-1]):
        (part,) = videos(names, "f")
        assert part.length == 3 and "3 images follow one another in their order" in part.note
        assert [part.frames[name] for name in ORDERED[form]] == [0, 1, 2]


def test_pauses_and_lower_rates() -> None:
    assert placed("3.jpg", "4.jpg", "900.jpg") == {"": [0, 1, 897]}  # nobody was there
    (part,) = videos([f"{60 * t}.jpg" for t in range(4)], "f", sampled=True)
    assert (part.length, part.step, part.note) == (4, 60, "")
    assert placed(*range(10, 13)) == {"": [0, 1, 2]}


@pytest.mark.parametrize(
    ("names", "match"),
    [
        ([f"{a:03}_{t:03}.png" for a in range(6) for t in range(5)], "2 numbers vary in the names"),
        (["0.jpg", "photo.jpg"], "no frame number in 'photo.jpg'"),
        (["a1.jpg", "b2x.jpg", "q3w.jpg"], "differ in more than a number"),
        (["1.jpg", "01.jpg"], "'1.jpg', '01.jpg' are one frame by their names"),
        (["w_1_jpg.rf.8c0f1a90b7.jpg", "w_1_jpg.rf.8c0f1a90b8.jpg"], "are one frame"),
        (["1.jpg", "2.jpg", "9999999999.jpg"], "a video has at most"),
    ],
)
def test_what_cannot_be_told_is_refused(names: list[str], match: str) -> None:
    with pytest.raises(InputError, match=match):
        videos(names, "f")


def test_a_point_between_camera_and_frame() -> None:
    """Pose2Sim's cam01.0031; a time's seconds keep their point."""
    assert placed("cam01.0029", "cam01.0031") == {"cam01": [0, 2]}
    stamps = ("2018-07-04T12_04_07.738369.png", "2018-07-04T12_04_00.002563.png")
    assert videos(stamps, "f")[0].frames == {stamps[1]: 0, stamps[0]: 1}
    assert [*placed("t_12.345", "t_12.5", "t_13.01").values()] == [[0, 1, 2]]
