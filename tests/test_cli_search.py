"""`skelf search`: from files to hits, a page and a list, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import Result
from search_small import clips, run
from test_plots import Tags
from typer.testing import CliRunner

from skelf.cli.search import app
from skelf.errors import InputError


def call(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "160"})


def good(*args: object) -> str:
    result = call(*args)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def refused(*args: object) -> str:
    result = call(*args)
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli")
    clips().save(root / "clips.h5")
    said = good(
        "index", root / "clips.h5", "--run", run(), "--out", root / "index",
        "scales=[0.5, 1.0, 2.0]", "search.stride=0.5",
    )  # fmt: skip
    assert "403 windows of 11 recordings in 1 file; search is exact" in said
    return root


@pytest.mark.parametrize("command", ["index", "query"])
def test_help_has_an_example(command: str) -> None:
    assert "Example: skelf search " + command in good(command, "--help")


def test_from_a_stretch_to_hits_a_page_and_a_list(folder: Path) -> None:
    store, page, out = folder / "clips.h5", folder / "p.html", folder / "hits.csv"
    words = ("query", folder / "index", f"{store}#9@1-2", "--top", 4, "--page", page, "--out", out)
    said = good(*words)
    assert f"Hits: {out}" in said and f"Page: {page}" in said
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    for row in rows:
        assert row["recording"] in said and row["source"] == str(store)
        assert float(row["start"]) == pytest.approx(int(row["start_frame"]) / 30, abs=1e-6)
    text = page.read_text()
    Tags(text)  # well formed
    assert text.count("<figure") == 5 and "clips.h5#9@1-2" in text
    assert str(store.parent) not in text  # where it lies on a disk is nobody's business
    assert all(row["recording"] in text for row in rows)
    assert "exists already" in refused(*words)
    good(*words, "--force")
    assert "not a list of hits" in refused(
        "query", folder / "index", f"{store}#9", "--out", _other(folder), "--force"
    ).replace("is not", "not")


def _other(folder: Path) -> Path:
    path = folder / "other.csv"
    path.write_text("a,b\n1,2\n")
    return path


def test_json_and_filters(folder: Path) -> None:
    store, out = folder / "clips.h5", folder / "hits.json"
    subject = int(clips().subject[8])
    words = ("query", folder / "index", f"{store}#0", f"subject={subject}", "--out", out)
    good(*words)
    found = json.loads(out.read_text())
    assert found["query"] == f"{store}#0" and found["hits"]
    assert {hit["subject"] for hit in found["hits"]} == {subject}


def test_adding_says_what_was_there(folder: Path) -> None:
    said = good("index", folder / "clips.h5", "--add", "--out", folder / "index")
    assert "clips.h5: in the index already" in said and "403 windows" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("query", "{}/index", "{}/clips.h5#9", "subject"), "write a filter as subject=3"),
        (
            ("query", "{}/index", "{}/clips.h5#9", "colour=3"),
            "a store has no options; leave colour=3 out",
        ),
        (("query", "{}/none", "{}/clips.h5#9"), "no search index here"),
        (("query", "{}/index", "{}/clips.h5#9", "--out", "x.txt"), "ends in .csv or .json"),
        (("query", "{}/index", "{}/clips.h5#9", "--page", "{}/clips.h5"), "the store that is read"),
        (("index", "{}/none.h5", "--run", "r", "--out", "{}/new"), "none.h5"),
        (("index", "{}/clips.h5", "--out", "{}/new", "search.scale=1"), "search.scale"),
        (("index", "{}/clips.h5", "--out", "{}/new", "stride=9"), "search.stride"),
        (("index", "{}/clips.h5", "--out", "{}/index", "--add", "--force"), "--add and --force"),
    ],
)
def test_bad_input_is_one_line(folder: Path, words: tuple[str, ...], told: str) -> None:
    message = refused(*(word.format(folder) for word in words))
    assert told in message and "\n" not in message


def test_a_hit_whose_file_is_gone_is_said_on_the_page(folder: Path, tmp_path: Path) -> None:
    one, two, name = tmp_path / "one.h5", tmp_path / "two.h5", clips().names[8]
    clips().take([8]).save(one)
    clips().take([9]).save(two)
    good("index", one, two, "--run", run(), "--out", tmp_path / "index")
    one.unlink()
    page = tmp_path / "page.html"
    good("query", tmp_path / "index", f"{two}@1-2", f"recording={name}", "--page", page)
    text = page.read_text()
    assert "Not drawn" in text and "not there any more" in text


@pytest.mark.slow
def test_a_browser_draws_the_page(folder: Path, tmp_path: Path) -> None:
    browser = pytest.importorskip("test_report_browser")
    if browser.BROWSER is None:
        pytest.skip("no chromium or chrome is installed")
    page = tmp_path / "page.html"
    good("query", folder / "index", f"{folder / 'clips.h5'}#9@1-2", "--page", page)
    for width in (390, 1100):
        said, console = browser.look(tmp_path, page.read_text("utf-8"), width)
        assert console == "" and said["out"] == [] and said["loaded"] == []
        assert said["drawn"] == said["canvases"] == 11
