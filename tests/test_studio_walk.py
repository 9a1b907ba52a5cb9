"""The studio in a browser, the whole way: a folder, a project, labels, suggestions, a model."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("nicegui", reason="the studio's extra is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

from studio_drive import CHROMIUM, PATIENCE, Page, Server, browser, sessions, write_csv

from skelf.studio.project.importing import bring_in
from skelf.studio.project.project import Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium or chrome is installed"),
]


def test_from_a_folder_to_a_model(tmp_path: Path) -> None:
    clips, made = sessions(4)
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number, session in enumerate(made[:3], start=1):
        write_csv(folder / f"session_{number}.csv", clips, session)
    (folder / "broken.csv").write_text("frame,Head_x\n0,1\n")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_csv(tmp_path / "new.csv", clips, made[3])
    server = Server(folder)
    _strangers(server.address)
    with browser() as chromium:
        page = Page(chromium, server.address)
        _begin(page)
        _ten_labels(page, made)
        _suggestions(page)
        _undo_and_redo(page)
        _move_an_edge(page)
        _two_windows(chromium, page, server.address)
        labels = page.labels()
        server.kill()
        server = Server(folder)
        page = Page(chromium, server.address)
        page.is_open("session_1")
        page.goto("session_2")
        assert page.labels() == labels  # nothing was lost
        _files(page, tmp_path)
        _everything_has_a_name(page)
        _doubts_keys_and_map(page)
        model = _model(page)
        assert page.complaints == []
        strange = [url for url in page.asked if not url.startswith("http://127.0.0.1:")]
        assert [url for url in strange if not url.startswith(("data:", "blob:"))] == []
    said = server.end()
    assert "Traceback" not in said
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    found = tmp_path / "found.csv"
    words = ["predict", str(model), str(tmp_path / "new.csv"), "--out", str(found)]
    done = subprocess.run(
        [sys.executable, "-m", "skelf", *words], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(found.open()))
    assert rows and {row["label"] for row in rows} <= set(clips.class_names)


def _strangers(address: str) -> None:
    """Who has no token, or comes from elsewhere, is refused by the server that runs."""
    bare, host = address.split("?")[0], address.split("/")[2]
    for url, headers, status in (
        (address, {}, 200),
        (bare, {}, 403),
        (f"{bare}?token=wrong", {}, 403),
        (f"{bare}joints?recording=session_1&start=0&stop=5", {}, 403),
        (f"{bare}_nicegui_ws/socket.io/?EIO=4&transport=polling", {}, 403),
        (address, {"Origin": "https://elsewhere.example"}, 403),
        (address, {"Host": host.replace("127.0.0.1", "elsewhere.example")}, 403),
    ):
        try:
            answer = urlopen(Request(url, headers=headers), timeout=30).status
        except HTTPError as error:
            answer = error.code
        assert answer == status, (url, headers)


def _begin(page: Page) -> None:
    page.page.click("button:has-text('Make a project')")
    page.page.wait_for_selector(".bar")
    page.page.reload()  # how far it is lies on the disk
    page.is_open()
    assert page.page.locator(".side .row-item").count() == 3


def _ten_labels(page: Page, made) -> None:
    page.press("Alt+2")  # the labels are listed and counted as they come
    panel = page.page.locator("[role=tabpanel][aria-label=Labels]")
    panel.locator("section h2").wait_for()
    for number, session in enumerate(made[:2], start=1):
        page.goto(f"session_{number}")
        first, *others = session.truth[:5]
        page.drag(page.at(first[0]), page.at(first[1]))  # by hand: the borders snap
        page.wait("skelfStudio.desk.marks !== null")
        marks = page.js("skelfStudio.desk.marks")
        assert abs(marks["start"] - first[0]) < 15 and abs(marks["end"] - first[1]) < 15
        page.label(*first)
        for start, end, name in others:
            page.label(start, end, name)
        assert len(page.labels()) == 5
        names = [s["label"] for s in page.labels()]
        assert names == [name for *_, name in session.truth[:5]], (names, session.truth[:5])
        listed = panel.locator("section .row-item .name").all_inner_texts()
        assert listed == names
    counted = panel.locator(".row-line .end").all_inner_texts()
    assert sum(int(text.split(" ")[0]) for text in counted) == 10
    page.press("Alt+3")


def _suggestions(page: Page) -> None:
    """Accepted, refused, and called something else: each at once, while the model learns on."""
    for key, kind in (("Enter", "is"), ("x", "not")):
        page.wait("skelfStudio.desk.suggestions.length > 1")
        page.press("ArrowDown")
        page.wait("skelfStudio.desk.chosen?.kind === 'suggestion'")
        chosen = page.js("skelfStudio.desk.chosen")
        page.press(key)
        page.wait(_said(chosen, chosen["label"], kind))
    page.wait("skelfStudio.desk.suggestions.length > 0")
    page.press("Escape", "ArrowDown")
    page.wait("skelfStudio.desk.chosen?.kind === 'suggestion'")
    chosen = page.js("skelfStudio.desk.chosen")
    classes = page.js("skelfStudio.desk.classes")
    other = next(name for name in classes if name != chosen["label"])
    page.press(str(classes.index(other) + 1))
    page.wait(_said(chosen, other, "is"))


def _between_sight_and_key(page: Page) -> None:
    """What the model says is replaced in the very moment of a key, and keys come fast."""
    page.press("Escape")
    page.wait("skelfStudio.desk.suggestions.length > 3")
    gone, moved, *two = page.js(KEYS)
    page.wait(_said(gone, gone["label"], "is"))
    same = f"s.start <= {moved['start']} && s.end >= {moved['end']}"  # not its new ends
    page.wait(f"skelfStudio.desk.segments.some((s) => s.label === {moved['label']!r} && {same})")
    assert two[0]["id"] != two[1]["id"]
    for one in two:
        page.wait(_said(one, one["label"], "is"))
    page.js("skelfStudio.choose(null)")
    page.press("c")
    page.page.keyboard.type("typed at once")  # before the field for it is there
    page.press("Enter")
    page.wait("skelfStudio.desk.classes.includes('typed at once')")
    page.page.wait_for_selector(".window", state="detached")
    page.press("Escape")


KEYS = """() => {
  const { desk, show } = skelfStudio, seen = [], all = [...desk.suggestions];
  const press = (key) => window.dispatchEvent(new KeyboardEvent("keydown", { key }));
  const news = (suggestions) => show({ segments: desk.segments, suggestions, heard: 0 });
  const answer = () => { seen.push({ ...desk.chosen }); press("Enter"); };
  press("ArrowDown");
  news([]); // the model says nothing any more
  answer();
  news(all);
  press("ArrowDown");
  const { id } = desk.chosen;
  seen.push({ ...desk.chosen });
  const other = (s) => ({ ...s, id: "other", start: s.start + 3, end: s.end + 3 });
  news(all.map((s) => (s.id === id ? other(s) : s)));
  press("Enter");
  news(all);
  answer();
  answer();
  return seen;
}"""


def _said(chosen, label: str, kind: str) -> str:
    """That a label covers most of a suggestion: the model may move its ends before the key."""
    most = 0.5 * (chosen["end"] - chosen["start"])
    inside = f"Math.min(s.end, {chosen['end']}) - Math.max(s.start, {chosen['start']}) > {most}"
    return (
        f"skelfStudio.desk.segments.some((s) => s.label === {label!r} && s.kind === {kind!r} "
        f"&& {inside})"
    )


def _undo_and_redo(page: Page) -> None:
    page.press("Escape")
    labels = page.labels()
    page.press("Control+z")
    page.wait(f"skelfStudio.desk.segments.filter((s) => s.kind === 'is').length < {len(labels)}")
    page.press("Control+Shift+z")
    page.wait(f"skelfStudio.desk.segments.filter((s) => s.kind === 'is').length === {len(labels)}")
    assert page.labels() == labels


def _move_an_edge(page: Page) -> None:
    page.press("Escape", "z")
    before = page.labels()[1]
    page.page.keyboard.down("Alt")  # no snapping
    page.drag(page.at(before["end"] - 1), page.at(before["end"] + 12))
    page.page.keyboard.up("Alt")
    page.wait(
        f"skelfStudio.desk.segments.find((s) => s.id === {before['id']!r})?.end > {before['end']}"
    )
    page.press("Control+ArrowLeft")
    page.wait(
        f"skelfStudio.desk.segments.find((s) => s.id === {before['id']!r})?.start"
        f" === {before['start'] - 1}"
    )


def _two_windows(chromium, page: Page, address: str) -> None:
    other = Page(chromium, address)
    other.is_open()
    other.goto("session_2")
    assert other.labels() == page.labels()
    page.js(
        f"skelfStudio.choose({{...skelfStudio.desk.segments.find((s) => s.id === "
        f"{page.labels()[0]['id']!r}), kind: 'label'}})"
    )
    count = len(page.labels())
    page.press("Delete")
    other.wait(f"skelfStudio.desk.segments.filter((s) => s.kind === 'is').length === {count - 1}")
    other.press("Control+z")
    page.wait(f"skelfStudio.desk.segments.filter((s) => s.kind === 'is').length === {count}")
    other.context.close()


def _files(page: Page, folder: Path) -> None:
    page.page.click("[role=tab]:has-text('Files')")
    with page.page.expect_download() as download:
        page.page.click("button:has-text('CSV')")
    path = folder / "labels.csv"
    download.value.save_as(path)
    rows = list(csv.DictReader(path.open()))
    own = [row for row in rows if "session_2" in str(row)]
    assert len(own) == len(page.labels()) and len(rows) > len(own)


NAMELESS = """() => [...document.querySelectorAll(
  "button, a, [role=button], input, select, canvas, [role=dialog], [role=progressbar], video"
)].filter((e) => e.checkVisibility() && !e.closest("[aria-hidden=true]") && !(
  e.ariaLabel || e.textContent.trim() || e.labels?.length || e.getAttribute("aria-labelledby")
)).map((e) => e.outerHTML.slice(0, 120))"""


def _everything_has_a_name(page: Page) -> None:
    """What a screen reader needs; axe-core, run by hand, finds nothing more."""
    assert page.js("document.documentElement.lang") == "en"
    assert page.page.locator("main").count() == 1
    for panel in ("labels", "suggestions", "model", "files"):
        page.page.click(f"[role=tab]:has-text('{panel.title()}')")
        page.page.locator(f"[role=tabpanel][aria-label={panel.title()}]").wait_for()
        assert page.js(NAMELESS) == [], panel
    page.press("c")
    page.page.wait_for_selector("[role=dialog][aria-label='New class'] input")
    assert page.js(NAMELESS) == []
    page.press("Escape")
    page.page.wait_for_selector(".window", state="detached")


def _doubts_keys_and_map(page: Page) -> None:
    page.press("?")
    page.page.wait_for_selector(".keys kbd")
    assert page.page.locator(".keys kbd").count() > 35
    page.press("Escape")
    page.page.wait_for_selector(".window", state="detached")
    page.press("Alt+4")
    page.page.wait_for_selector("text=near ones are alike")
    offered = page.page.locator("#map-method option").all_inner_texts()
    assert offered == (["t-SNE", "UMAP"] if find_spec("umap") else [])
    if offered:
        page.page.select_option("#map-method", "umap")
        page.page.wait_for_selector("text=Finding where")
        page.page.wait_for_selector("text=near ones are alike", timeout=90_000)  # it compiles
    page.page.focus("[data-part=plane]")
    page.press("ArrowRight")
    page.page.wait_for_selector(".peek canvas", state="visible")
    page.press("Enter")
    page.wait("skelfStudio.desk.marks !== null")


def _model(page: Page) -> Path:
    page.press("Escape", "Alt+5")
    page.page.click("button:has-text('Save the model')")
    said = page.page.wait_for_selector("text=Saved as")
    assert said is not None
    return Path(said.inner_text().removeprefix("Saved as ").strip())


def test_a_server_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """Every label that a window has seen is there again, at whatever moment the end comes."""
    clips, made = sessions(1)
    write_csv(tmp_path / "one.csv", clips, made[0])
    seen = 0
    for kill in range(3):
        server = Server(tmp_path)
        with browser() as chromium:
            page = Page(chromium, server.address)
            if not kill:
                page.page.click("button:has-text('Make a project')")
            page.is_open()
            assert len(page.labels()) >= seen
            for _ in range(3):
                start = 8 * len(page.labels())
                page.label(start, start + 6, "a" if start % 16 else "b")
                seen = len(page.labels())
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()


def test_an_encoder_is_trained_from_the_page(tmp_path: Path) -> None:
    """Its progress is there again after a reload, and the labels are seen by it at the end."""
    clips, made = sessions(2)
    for number, session in enumerate(made, start=1):
        write_csv(tmp_path / f"session_{number}.csv", clips, session)
    bring_in(Project.create(tmp_path))
    server = Server(tmp_path)
    with browser() as chromium:
        page = Page(chromium, server.address)
        page.is_open()
        page.label(*made[0].truth[0])
        page.wait("skelfStudio.desk.suggestions.length > 0")
        page.press("Alt+5")
        page.page.select_option("#train-length", "a try")
        page.page.click("button:has-text('Train one on these recordings')")
        working = ".head .job:has-text('Training the encoder') [role=progressbar]"
        page.page.wait_for_selector(working)
        page.page.reload()
        page.is_open()
        page.page.wait_for_selector(working)
        page.press("Alt+5")
        page.page.wait_for_selector("button:has-text('Stop the training')")
        page.page.wait_for_selector("text=An encoder that was trained", timeout=5000 * PATIENCE)
        page.page.wait_for_selector("button:has-text('Stop the training')", state="hidden")
        page.page.wait_for_selector(".head .job", state="detached")
        page.wait("skelfStudio.desk.suggestions.length > 0")
        assert page.complaints == []
    assert "Traceback" not in server.end()
    assert Project.open(tmp_path).encoder.startswith("encoder/")
