"""The example page in a real browser: what it answers is what Python answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import numpy as np
import pytest
from export_subjects import content, subject

from skelf.export import check

EXAMPLE = Path(__file__).parents[1] / "examples" / "browser"
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome is installed"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="no npm is installed"),
]
# Drops the files of `drops.json` on the page, one after the other, and posts what it answers.
DRIVER = """
const { files } = await (await fetch("drops.json")).json();
const said = [];
const next = () => {
  if (!files.length) {
    const loaded = performance.getEntriesByType("resource").map((e) => e.name);
    fetch("said", { method: "POST", body: JSON.stringify({ said, loaded }) });
    return;
  }
  const { name, text } = files.shift();
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  const how = { dataTransfer: data, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("drop", how));
};
document.addEventListener("answered", (e) => { said.push(e.detail); next(); });
document.addEventListener("ready", next);
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its package, a model and the driver."""
    folder = tmp_path_factory.mktemp("browser") / "page"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"npm cannot install onnxruntime-web here: {done.stderr.strip()[-200:]}")
    (folder / "model.onnx").write_bytes(content("sttr"))
    (folder / "driver.js").write_text(DRIVER)
    html = (folder / "index.html").read_text("utf-8")
    driver = '<script type="module" src="driver.js"></script>'
    at = html.index('<script type="module"')  # before the page's own: it listens first
    (folder / "driven.html").write_text(html[:at] + driver + html[at:], "utf-8")
    return folder


@pytest.fixture
def server(page: Path) -> Iterator[tuple[str, Queue[bytes], list[str]]]:
    """The page's address, what is posted there, and what is asked for."""
    posted: Queue[bytes] = Queue()
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

        def do_POST(self) -> None:
            posted.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            asked.append(str(words[1]))

    made = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(page)))
    Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}", posted, asked
    made.shutdown()
    made.server_close()


def drive(page: Path, server: Any, files: list[dict[str, str]], tmp_path: Path) -> dict[str, Any]:
    (page / "drops.json").write_text(json.dumps({"files": files}))
    address, posted, _ = server
    browser = subprocess.Popen(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}",
            "--remote-debugging-port=0", f"{address}/driven.html",
        ],
        stdout=subprocess.DEVNULL, stderr=(tmp_path / "log").open("wb"),
    )  # fmt: skip
    try:
        return json.loads(posted.get(timeout=90))
    except Empty:
        pytest.fail((tmp_path / "log").read_text("utf-8", "replace")[-3000:])
    finally:
        browser.kill()
        browser.wait()


def as_csv(joints: np.ndarray, names: list[str], form: str) -> str:
    """Joints `(T, M, V, C)` with a row for each person and frame."""
    columns = [form.format(joint=joint, axis=axis) for joint in names for axis in "xyz"]
    lines = [",".join(["frame", "person", "extra_x", *columns])]
    for t, people in enumerate(joints):
        for m, person in enumerate(people):
            cells = ["" if np.isnan(v) else repr(float(v)) for v in person.ravel()]
            lines.append(",".join([str(t), f"p{m}", "7", *cells]))
    return "\n".join(lines) + "\n"


def test_dropped_files_are_answered_as_in_python(page: Path, server: Any, tmp_path: Path) -> None:
    of = subject("sttr")
    clips = check.random_clips(of, [31, 12])
    expected = check.rows_of_clips(of, clips)["probabilities"].numpy()
    feeds = check.feeds_of(clips, np.arange(2), 2)
    first, second = (feeds["joints"][i, :n] for i, n in enumerate((31, 12)))
    gaps = np.where((second == 0).all(axis=3, keepdims=True), np.nan, second)
    names = list(of.needs.skeleton.names)
    turned = {"joints": first[:, :, ::-1].tolist(), "names": names[::-1]}
    nulls = json.dumps({"joints": np.where(np.isnan(gaps), None, gaps).tolist()})
    files = [
        {"name": "names.json", "text": json.dumps(turned)},
        {"name": "bare.json", "text": json.dumps(first.tolist())},
        {"name": "behind.csv", "text": as_csv(gaps, names, "{joint}_{axis}")},
        {"name": "before.csv", "text": as_csv(gaps, names, "{axis}_{joint}").replace(",", ";")},
        {"name": "nulls.json", "text": nulls},
        {"name": "short.csv", "text": "hip_x,hip_y,hip_z\n1,2,3\n"},
        {"name": "rubbish.json", "text": "{"},
        {"name": "rubbish.onnx", "text": "rubbish"},
    ]
    found = drive(page, server, files, tmp_path)
    for said, row in zip(found["said"], [0, 0, 1, 1, 1], strict=False):
        assert said["error"] == ""
        answer = said["answer"]
        values = list(answer["probabilities"].values())
        np.testing.assert_allclose(values, expected[row], atol=1e-4)
        best = int(expected[row].argmax())
        assert answer["label"] == of.class_names[best]
        assert answer["unknown"] == bool(expected[row].max() < 0.4)
    errors = [said["error"] for said in found["said"][5:]]
    assert len(errors) == 3
    for error, part in zip(errors, ("no joint", "not JSON", "not an ONNX file"), strict=True):
        assert part in error
    address = server[0]
    assert all(name.startswith(address) for name in found["loaded"])  # nothing from elsewhere
