"""The studio in a real browser: recordings to label, the server, and hands and keys on the page.

The command that takes the pictures of docs/studio.md uses it too.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
PATIENCE = 120  # seconds, of a machine with other work; what holds takes a few
TOGETHER = 3  # synthetic recordings that make a session


class Session(NamedTuple):
    """A recording, and what is done in it when: start, end, class."""

    joints: np.ndarray
    truth: list[tuple[int, int, str]]


def sessions(count: int, seed: int = 0) -> tuple[ClipSet, list[Session]]:
    """Synthetic sessions of half a minute or more, in the frames of their own."""
    clips = generate(clips=0, recordings=count * TOGETHER, seed=seed, subjects=3)
    made = []
    for first in range(0, len(clips), TOGETHER):
        joints, truth, at = [], [], 0
        for clip in range(first, first + TOGETHER):
            own = clips.segments[clips.segments[:, 0] == clip]
            truth += [(at + s, at + e, clips.class_names[k]) for _, s, e, k in own.tolist()]
            joints.append(clips.clip(clip))
            at += len(joints[-1])
        made.append(Session(np.concatenate(joints), truth))
    return clips, made


def write_csv(path: Path, clips: ClipSet, session: Session) -> None:
    """A recording as a table with a header that says what its columns are."""
    names = [f"{joint}_{axis}" for joint in clips.skeleton.names for axis in "xyz"]
    rows = session.joints[:, 0].reshape(len(session.joints), -1)
    lines = (",".join([str(t), *(f"{v:.4f}" for v in row)]) for t, row in enumerate(rows))
    path.write_text("\n".join([",".join(["frame", *names]), *lines]) + "\n")


class Server:
    """`skelf studio`, at work."""

    def __init__(self, folder: Path, *words: str) -> None:
        root = Path(__file__).parents[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "skelf", "studio", str(folder), "--no-browser", *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"PYTHONPATH": str(root), "COLUMNS": "400"},
        )  # fmt: skip
        atexit.register(self.process.kill)  # also where a test has failed
        self.said: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if "token=" in line:
                break
        assert self.said and "token=" in self.said[-1], "".join(self.said)
        self.address = self.said[-1].split()[-1]

    def kill(self) -> None:
        """At once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> str:
        """In order; all that it has said."""
        self.process.terminate()
        rest, _ = self.process.communicate(timeout=30)
        return "".join(self.said) + rest


@contextmanager
def browser() -> Iterator[Any]:
    """The system's own chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


class Page:
    """A window of the browser on the studio.

    `asked` are the addresses that it has requested, `complaints` what its console says.
    """

    def __init__(
        self, made: Any, address: str, width: int = 1400, height: int = 900, scheme: str = "light"
    ) -> None:
        self.context = made.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme,
            has_touch=width < 500, accept_downloads=True,
        )  # fmt: skip
        self.context.set_default_timeout(1000 * PATIENCE)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda said: said.type == "error" and self.complaints.append(said.text),
        )
        self.page.goto(address)

    def js(self, text: str) -> Any:
        """What an expression of JavaScript gives."""
        return self.page.evaluate(text)

    def wait(self, text: str, seconds: float = PATIENCE) -> None:
        """Waits until an expression of JavaScript is true."""
        self.page.wait_for_function(text, timeout=1000 * seconds)

    def press(self, *keys: str) -> None:
        """Presses keys."""
        for key in keys:
            self.page.keyboard.press(key)

    def labels(self, kind: str = "is") -> list[dict[str, Any]]:
        """What the timeline has, in time's order."""
        found = self.js("skelfStudio.desk.segments")
        return sorted((s for s in found if s["kind"] == kind), key=lambda s: s["start"])

    def is_open(self, name: str | None = None) -> None:
        """Waits until a recording is open, and what there is to know of it has come."""
        wanted = "true" if name is None else f"skelfStudio.desk.recording === {name!r}"
        self.wait(f"globalThis.skelfStudio?.desk.changes.length > 0 && {wanted}", 2 * PATIENCE)

    def goto(self, name: str) -> None:
        """Opens a recording by its row."""
        self.page.click(f'.side .row-item[title="{name}"]')
        self.is_open(name)

    def label(self, start: int, end: int, name: str) -> None:
        """Marks a stretch, and gives it a class by its digit or as a new one."""
        classes = self.js("skelfStudio.desk.classes")
        count = len(self.labels())
        self.js(f"skelfStudio.mark({{start: {start}, end: {end}}})")
        if name in classes:
            self.press(str(classes.index(name) + 1))
        else:
            self.press("c")
            self.wait("document.activeElement?.matches('.window input')")
            self.page.keyboard.type(name)
            self.press("Enter")
        self.wait(f"skelfStudio.desk.segments.filter((s) => s.kind === 'is').length > {count}")
        self.page.wait_for_selector(".window", state="detached")

    def at(self, frame: float, lane: str = "labels") -> tuple[float, float]:
        """Where a frame is on the screen, in a lane of the timeline that shows all frames."""
        box = self.page.locator("[data-part=timeline]").bounding_box()
        down = {"labels": 40, "ruler": 8}[lane]
        frames = self.js("skelfStudio.desk.frames")
        return box["x"] + box["width"] * frame / frames, box["y"] + down

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drags with the mouse."""
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        mouse.move(*end)
        mouse.up()
