"""Figures: what they hold, that they escape, that they are the same twice, and what they refuse."""

import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from skelf.errors import InputError
from skelf.pages import plots

HOSTILE = '<script>alert(1)</script> "quoted" & $x^2$ \x00\x1b\ud800 動作'
VOID = {"meta", "link", "br", "img", "path", "rect", "use", "image"}


class Tags(HTMLParser):
    """Collects tags and checks that they close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open, f"</{tag}> closes nothing"
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.seen)


Y = plots.YAxis("y")


def figures() -> dict[str, str]:
    rng = np.random.default_rng(0)
    names = [HOSTILE, "clap", "kick"]
    labels = rng.integers(-1, 3, 40)
    return {
        "curves": plots.curves(
            {HOSTILE: ([1, 2, 3], [3.0, 2.0, 1.0]), "b": ([1], [2.0])},
            HOSTILE,
            plots.YAxis(HOSTILE),
        ),
        "embedding": plots.embedding(
            rng.normal(size=(40, 2)), labels, names, HOSTILE, note=HOSTILE
        ),
        "confusion": plots.confusion(
            [[5, 1, 0], [0, 4, 0], [0, 0, 0]], names, HOSTILE, note=HOSTILE
        ),
    }


@pytest.mark.parametrize("kind", ["curves", "embedding", "confusion"])
def test_figure_is_well_formed_themed_and_loads_nothing(kind: str) -> None:
    text = figures()[kind]
    tags = Tags(text)
    assert tags.count("script") == 0
    assert tags.seen[0][0] == "figure"
    text.encode("utf-8")  # no lone surrogate is left
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
    assert "http" not in text
    assert "currentColor" in text
    assert "#0102" not in text, "a colour that stands for a variable was left"
    drawing = next(attrs for tag, attrs in tags.seen if tag == "svg")
    assert drawing["role"] == "img"
    assert drawing["aria-label"]


@pytest.mark.parametrize("kind", ["curves", "embedding", "confusion"])
def test_figure_is_the_same_twice(kind: str) -> None:
    assert figures()[kind] == figures()[kind]


def test_ids_of_two_figures_do_not_meet_and_every_reference_resolves() -> None:
    rng = np.random.default_rng(1)
    text = "".join(
        plots.embedding(rng.normal(size=(9, 2)), np.arange(9) % 3, list("abc"), "t")
        for _ in range(2)
    )
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids)) > 0
    assert set(re.findall(r'(?:href="#|url\(#)([\w.-]+)', text)) <= set(ids)


def test_curves_leave_out_what_is_not_finite_and_say_when_nothing_is_left() -> None:
    both = plots.curves({"a": ([1, 2], [1.0, 2.0]), "gone": ([1], [float("nan")])}, "t", Y)
    assert "gone" not in both
    assert "Nothing was recorded" in plots.curves({}, "t", Y)
    assert "Nothing was recorded" in plots.curves(
        {"a": ([1], [-1.0])}, "t", plots.YAxis("y", log=True)
    )


def test_curves_name_axes_and_show_percentages() -> None:
    texts = Tags(
        plots.curves({"a": ([0, 10], [0.0, 1.0])}, "t", plots.YAxis("accuracy", percent=True))
    ).texts
    assert {"epoch", "accuracy"} <= set(texts)
    assert any(re.fullmatch(r"\d+ %", text) for text in texts)


def test_curves_refuse_uneven_lengths() -> None:
    with pytest.raises(InputError, match="as many x as y"):
        plots.curves({"a": ([1, 2], [1.0])}, "t", Y)


def test_embedding_draws_each_point_and_names_each_class() -> None:
    points = np.random.default_rng(0).normal(size=(30, 2))
    tags = Tags(plots.embedding(points, np.arange(30) % 3, ["a", "b", "c"], "t"))
    assert tags.count("use") == 30
    assert {"a", "b", "c"} <= set(tags.texts)


def test_embedding_refuses_wrong_shapes_and_nameless_labels() -> None:
    with pytest.raises(InputError, match="points"):
        plots.embedding(np.zeros((3, 3)), [0, 0, 0], ["a"], "t")
    with pytest.raises(InputError, match="has no name"):
        plots.embedding(np.zeros((2, 2)), [0, 4], ["a"], "t")


def test_confusion_shows_counts_and_recall_by_row() -> None:
    texts = Tags(plots.confusion([[3, 1], [0, 0]], ["up", "down"], "t")).texts
    assert {"3", "1", "up", "down", "75 %"} <= set(texts)


def test_confusion_of_many_classes_stays_small() -> None:
    names = [f"class {k}" for k in range(120)]
    text = plots.confusion(np.eye(120) * 9, names, "t")
    assert len(text) < 60_000
    Tags(text)


@pytest.mark.parametrize("matrix", [np.zeros((2, 3)), -np.eye(2), np.full((2, 2), np.nan)])
def test_confusion_refuses(matrix: np.ndarray) -> None:
    with pytest.raises(InputError, match="confusion"):
        plots.confusion(matrix, ["a", "b"], "t")


def test_project_keeps_groups_apart_and_repeats() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 20)
    features = 8 * rng.normal(size=(3, 16))[labels] + rng.normal(size=(60, 16))
    points, indices = plots.project(features, 3)
    again, _ = plots.project(features, 3)
    assert points.shape == (60, 2)
    assert np.array_equal(indices, np.arange(60))
    assert np.array_equal(points, again)
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1e9 * np.eye(60)
    assert (labels[distance.argmin(1)] == labels).mean() > 0.95


def test_project_samples_beyond_the_limit() -> None:
    points, indices = plots.project(np.random.default_rng(0).normal(size=(50, 4)), 0, limit=20)
    assert points.shape == (20, 2)
    assert np.array_equal(indices, np.unique(indices))


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (4, 1), (8, 1)])
def test_project_of_very_little_is_finite(shape: tuple[int, int]) -> None:
    points, _ = plots.project(np.ones(shape), 0)
    assert points.shape == (shape[0], 2)
    assert np.isfinite(points).all()


def test_project_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="finite"):
        plots.project(np.full((9, 2), np.nan), 0)
    with pytest.raises(InputError, match="did you mean 'tsne'"):
        plots.project(np.zeros((9, 2)), 0, method="tsn")
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(InputError, match=r"skelf\[umap\]"):
        plots.project(np.random.default_rng(0).normal(size=(9, 2)), 0, method="umap")
