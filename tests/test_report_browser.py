"""A report in a real browser: it draws without a complaint, loads nothing, fits a phone."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from report_runs import trained

from skelf.pages.html import Section, Spread, page, table
from skelf.report.write import write_report

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome is installed")

# Tells the page around it how wide its content is, what sticks out, and what it has loaded.
PROBE = """<script>
addEventListener("load", () => setTimeout(() => {
  const wide = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll("body *")].filter((e) =>
    !e.closest(".scroll, pre, svg") && e.getBoundingClientRect().right > wide + 1);
  parent.postMessage(JSON.stringify({
    wide, content: document.documentElement.scrollWidth,
    out: out.map((e) => e.tagName + "." + e.className),
    loaded: performance.getEntriesByType("resource").map((e) => e.name),
    cut: [...document.querySelectorAll("td, caption, .stack td *")].filter((e) =>
      e.getBoundingClientRect().right > wide + 1).map((e) => e.textContent),
    stills: [...document.querySelectorAll(".still")].filter((e) =>
      e.getBoundingClientRect().width).length,
    drawn: document.querySelectorAll("canvas[data-drawn]").length,
    canvases: document.querySelectorAll("canvas").length,
  }), "*");
}, 500));
</script>"""
FRAME = """<!DOCTYPE html><body style="margin:0">
<iframe src="inner.html" style="border:0;width:{width}px;height:2000px"></iframe>
<script>onmessage = (e) => { document.body.dataset.said = btoa(e.data); };</script></body>"""


def look(folder: Path, text: str, width: int, *flags: str) -> tuple[dict, str]:
    """What a page says of itself in a frame `width` pixels wide (a browser's own window cannot be
    as narrow as a phone's), and the browser's messages."""
    (folder / "inner.html").write_text(text.replace("</body>", PROBE + "</body>"), "utf-8")
    (folder / "outer.html").write_text(FRAME.replace("{width}", str(width)), "utf-8")
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
            f"--user-data-dir={folder / 'profile'}",
            "--window-size=1300,2000", "--virtual-time-budget=4000", *flags,
            "--dump-dom", (folder / "outer.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said = re.search(r'data-said="([^"]+)"', done.stdout)
    assert said, done.stdout[-2000:] + done.stderr[-2000:]
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return json.loads(base64.b64decode(said[1])), console


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = trained()
    out = tmp_path_factory.mktemp("browser") / "page.html"
    write_report([root / "runs"], out, data=root / "tiny.h5", split="half")
    return out.read_text("utf-8")


@pytest.mark.parametrize("width", [390, 1100])
@pytest.mark.parametrize("dark", [False, True])
def test_browser_draws_all_of_it_and_it_fits(
    text: str, tmp_path: Path, width: int, dark: bool
) -> None:
    opened = text.replace("<details>", "<details open>")
    flags = ["--blink-settings=preferredColorScheme=0"] if dark else []
    said, console = look(tmp_path, opened, width, *flags)
    assert console == ""
    assert said["wide"] == width
    assert said["content"] <= width, said["out"]
    assert said["out"] == []
    assert said["loaded"] == []
    assert said["drawn"] == said["canvases"] >= 24
    assert said["stills"] == 0  # the script draws in their place


TABLES = [
    (
        [{"a": "warning", "what": "joints " * 12, "n": 12, "first": "clip_000017_x, " * 6,
          "remedy": "data import --up z, or " + "averylongoption" * 4}],
        {"a": "", "what": "finding", "n": "clips", "first": "first of them"}
        | {"remedy": "what to do"},
    ),
    (
        [{"m": "linear top1 (last epoch)", "t": Spread(0.6, 0.1, "", (0.5, 0.7), 120),
          "u": Spread(0.4, 0.1, "", (0.3, 0.5), 120), "c": Spread(0.1, floor=True)}],
        {"m": "Measure", "t": "Trained", "u": "Untrained", "c": "Chance"},
    ),
    (
        [{"s": "usdrl · joint · alpha=0.5", "t": Spread(0.6, 0.1, "untrained 40.0 ± 10.0 % (30–50 "
          "%, 120 clips)", (0.5, 0.7), 120), "u": Spread(0.4, 0.1, "", (0.3, 0.5), 120)}],
        {"s": "Setup", "t": "linear top1 (last epoch)", "u": "retrieval precision@1"},
    ),
]  # fmt: skip


def test_a_phone_shows_every_column(tmp_path: Path) -> None:
    body = "".join(table(rows, columns, bars=("t",)) for rows, columns in TABLES)
    said, console = look(tmp_path, page("t", [Section("Tables", body)]), 390)
    assert console == "" and said["cut"] == [] and said["out"] == []


def test_figures_are_there_without_their_script(text: str, tmp_path: Path) -> None:
    off = re.sub(r"<script>\n.*?</script>", "", text, flags=re.DOTALL)
    assert off.count("<script") == text.count("<script") - 1
    said, _ = look(tmp_path, off, 390)
    assert said["drawn"] == 0 and said["stills"] == said["canvases"] >= 24


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server's address, and what it has been asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}", asked
    made.shutdown()
    made.server_close()


def test_the_checks_see_a_page_that_is_too_wide_loads_and_complains(
    tmp_path: Path, server: tuple[str, list[str]]
) -> None:
    address, asked = server
    bad = (
        '<!DOCTYPE html><body><div style="width:800px">wide</div>'
        f'<img src="{address}/x.png"><script>missing()</script></body>'
    )
    said, console = look(tmp_path, bad, 390)
    assert "missing is not defined" in console
    assert said["content"] >= 800 and said["out"]
    assert len(said["loaded"]) == 1 and "/x.png" in asked


def test_the_policy_keeps_the_page_from_loading(
    text: str, tmp_path: Path, server: tuple[str, list[str]]
) -> None:
    """What gets into a page in spite of all escaping cannot reach the network."""
    address, asked = server
    evil = text.replace("</main>", f'<img src="{address}/x.png"></main>')
    _, console = look(tmp_path, evil, 390)
    assert "Content Security Policy" in console
    assert asked == []
