"""The timeline: what it counts, where its bars lie, and that hostile names stay text."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from skelf.errors import InputError
from skelf.pages.bars import Recording
from skelf.pages.timeline import bar_legend, timeline

NAMES = ["wave", "kick", "jump", "sit"]
TRUTH = np.array([[300, 400, 1], [0, 100, 0], [150, 250, 0]])
FOUND = np.array(
    [
        [5, 100, 0, 0.9],  # right
        [10, 95, 0, 0.5],  # the same action again: false
        [160, 180, 0, 0.8],  # too short: false
        [300, 390, 2, 0.7],  # of a class that does not happen
        [310, 400, 1, 0.4],  # right
    ]
)
WHOLE = Recording(500, 25.0, NAMES)


def parts(html):
    """The drawing of a figure, and its bars as `title -> (left, width, style)`."""
    drawing = ElementTree.fromstring(re.search(r"<svg style.*?</svg>", html, re.DOTALL)[0])
    bars = {}
    for group in drawing.iter("g"):
        rect = group.find("rect")
        left, width = (float(rect.get(key).rstrip("%")) for key in ("x", "width"))
        bars[group.find("title").text] = (left, width, rect.get("style"))
    return drawing, bars


def words(drawing):
    return [text.text for text in drawing.iter("text")]


def test_bars_lie_where_they_should_and_say_what_they_are():
    html = timeline(TRUTH, FOUND, WHOLE, title="take 7")
    drawing, bars = parts(html)
    assert {title: bar[:2] for title, bar in bars.items()} == {
        "wave, 0.0 to 4.0 s: found": (0.0, 20.0),
        "wave, 6.0 to 10.0 s: missed": (30.0, 20.0),
        "kick, 12.0 to 16.0 s: found": (60.0, 20.0),
        "detected as wave, 0.2 to 4.0 s, score 0.90: right, overlap 0.95": (1.0, 19.0),
        "detected as wave, 0.4 to 3.8 s, score 0.50: false, overlap 0.85": (2.0, 17.0),
        "detected as wave, 6.4 to 7.2 s, score 0.80: false, overlap 0.20": (32.0, 4.0),
        "detected as jump, 12.0 to 15.6 s, score 0.70: false, overlap 0.00": (60.0, 18.0),
        "detected as kick, 12.4 to 16.0 s, score 0.40: right, overlap 0.90": (62.0, 18.0),
    }
    assert "take 7" in html
    assert "2 of 3 actions found, 3 false detections" in html
    assert drawing.get("aria-label").startswith("take 7: 2 of 3 actions found")


def test_rows_stand_in_order_of_time_with_what_became_of_them():
    drawing, _ = parts(timeline(TRUTH, FOUND, WHOLE))
    said = [word for word in words(drawing) if not re.match(r"[\d.]+( s)?$|✓|✗", word)]
    assert said == ["wave", "1 of 2 found", "kick", "found", "jump", "not there"]


def test_colours_tell_right_from_wrong_and_pale_ones_have_low_scores():
    _, bars = parts(timeline(TRUTH, FOUND, WHOLE))
    opacity = {}
    for title, (_, _, style) in bars.items():
        wrong = "missed" in title or "false" in title
        assert ("var(--c1" if wrong else "var(--c0") in style
        assert ("dasharray" in style) == ("missed" in title)
        if score := re.search(r"score ([\d.]+)", title):
            opacity[float(score[1])] = float(re.search(r"opacity:([\d.]+)", style)[1])
    assert opacity[0.9] == 1
    assert sorted(opacity, key=opacity.get) == [0.4, 0.5, 0.7, 0.8, 0.9]


def test_few_of_many_are_drawn_and_the_page_says_so():
    html = timeline(TRUTH, FOUND, WHOLE, most=2)
    assert "1 of 3 actions found, 1 false detection " in html
    assert "Drawn: the 2 of 5 detections with the highest scores." in html
    assert "2 of 5 detections" in timeline(TRUTH, FOUND, WHOLE, least=0.75)
    assert "Drawn" not in timeline(TRUTH, FOUND, WHOLE, least=0.4)


def test_overlap_that_counts_is_an_argument():
    assert "3 of 3 actions found" in timeline(TRUTH, FOUND, WHOLE, tiou=0.2)
    assert "0 of 3 actions found" in timeline(TRUTH, FOUND, WHOLE, tiou=0.96)


def test_many_classes_get_an_overview_and_strange_ones_share_a_row():
    truth = np.array([[10 * k, 10 * k + 8, k] for k in range(5)])
    found = np.array([[10 * k, 10 * k + 8, k, 0.5] for k in range(1, 9)], float)
    drawing, bars = parts(timeline(truth, found, Recording(100, 30, [f"c{k}" for k in range(9)])))
    said = words(drawing)
    assert said.count("all classes") == said.count("2 other classes") == 1
    assert "4 of 5 found" in said
    assert [word for word in said if re.match(r"c\d", word)] == [f"c{k}" for k in range(7)]
    assert len(bars) == 5 + 8
    assert len(list(drawing.iter("rect"))) == 2 * (5 + 8)  # each also in the overview


@pytest.mark.parametrize(
    ("frames", "fps", "expected"),
    [
        (250, 25.0, ["0 s", "2", "4", "6", "8", "10"]),
        (50, 25.0, ["0 s", "0.5", "1", "1.5", "2"]),
        (5400, 30.0, ["0 s", "30", "60", "90", "120", "150", "180"]),
        (10**5, 1.0, ["0 s", "20000", "40000", "60000", "80000", "100000"]),
        (1000, 0.0, ["0 frames", "500", "1000"]),
        (1, 30.0, ["0 s"]),
    ],
)
def test_axis(frames, fps, expected):
    drawing, _ = parts(timeline(TRUTH[:0], FOUND[:0], Recording(frames, fps, NAMES)))
    assert words(drawing) == expected


def test_what_lies_beyond_the_recording_is_cut():
    _, bars = parts(timeline(TRUTH[:0], np.array([[80, 130, 0, 0.5]]), Recording(100, 25.0, NAMES)))
    assert [bar[:2] for bar in bars.values()] == [(80.0, 20.0)]


@pytest.mark.parametrize(("truth", "found"), [(TRUTH, FOUND[:0]), (TRUTH[:0], FOUND)])
def test_nothing_found_and_nothing_there(truth, found):
    html = timeline(truth, found, WHOLE)
    expected = "0 of 3 actions found, 0 false" if len(truth) else "No action, 5 false"
    assert expected in html
    _, bars = parts(html)
    assert len(bars) == len(truth) + len(found)


def test_hostile_names_stay_text_and_unknown_labels_have_numbers():
    html = timeline(
        np.array([[0, 10, 0], [10, 20, 7]]), FOUND[:0],
        Recording(500, 25.0, ["<script>x()</script>\x00"]),
        title='"><img src=x>',
    )  # fmt: skip
    assert "<script" not in html and "<img" not in html
    drawing, _ = parts(html)
    assert {"<script>x()</script>", "class 7"} <= set(words(drawing))


def test_the_legend_can_stand_elsewhere():
    assert bar_legend() in timeline(TRUTH, FOUND, WHOLE)
    assert "action, missed" not in timeline(TRUTH, FOUND, WHOLE, legend=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: timeline(FOUND, FOUND, WHOLE), r"got \(5, 4\), \(5, 4\)"),
        (lambda: timeline(TRUTH, TRUTH, WHOLE), r"got \(3, 3\), \(3, 3\)"),
        (lambda: timeline(TRUTH, FOUND, Recording(0, 25.0, NAMES)), "0 frames"),
        (lambda: timeline(TRUTH, FOUND * np.nan, WHOLE), "NaN"),
        (lambda: timeline(TRUTH, FOUND, WHOLE, tiou=0), "tiou: 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
