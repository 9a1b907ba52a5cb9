"""Draws the pictures of docs/studio.md: `python docs/studio_pictures.py`.

It labels some of a synthetic recording in a headless chromium, at both widths, light and dark.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from studio_drive import Page, Server, browser, sessions, write_csv  # noqa: E402

WIDE, NARROW = (1400, 900), (390, 844)


def main() -> None:
    """All of them, into docs/studio/."""
    out = ROOT / "docs" / "studio"
    out.mkdir(exist_ok=True)
    clips, made = sessions(5)
    with TemporaryDirectory() as folder:
        for number, session in enumerate(made, start=1):
            write_csv(Path(folder) / f"session_{number}.csv", clips, session)
        server = Server(Path(folder))
        try:
            with browser() as chromium:
                draw(chromium, server.address, made, out)
        finally:
            server.end()


def draw(chromium: Any, address: str, made: Any, out: Path) -> None:
    """Labels, and takes the pictures."""
    page = Page(chromium, address, *WIDE)
    page.page.wait_for_timeout(1500)
    take(page, out / "start.png")
    page.page.click("button:has-text('Make a project')")
    page.is_open()
    for number, session in enumerate(made[:3], start=1):
        page.goto(f"session_{number}")
        for start, end, name in session.truth[:9]:
            page.label(start, end, name)
    page.goto("session_2")
    page.wait("skelfStudio.desk.suggestions.length > 0")
    page.page.wait_for_timeout(4000)
    for scheme in ("light", "dark"):
        page.page.emulate_media(color_scheme=scheme)
        page.js("document.activeElement.blur()")
        page.press("Escape", "Home", *["ArrowDown"] * 6, *["ArrowRight"] * 14)
        page.page.wait_for_timeout(900)
        take(page, out / f"wide_{scheme}.png")
    page.page.emulate_media(color_scheme="light")
    page.press("Alt+4")
    page.page.wait_for_selector("text=near ones are alike")
    page.page.focus("[data-part=plane]")
    page.press("ArrowRight", "ArrowRight")
    page.page.wait_for_timeout(900)
    take(page, out / "map.png")
    page.press("?")
    page.page.wait_for_timeout(600)
    take(page, out / "keys.png")
    for scheme in ("light", "dark"):
        phone = Page(chromium, address, *NARROW, scheme)
        phone.is_open()
        phone.wait("skelfStudio.desk.suggestions.length > 0")
        phone.press(*["ArrowDown"] * 4, *["ArrowRight"] * 14)
        phone.page.wait_for_timeout(900)
        take(phone, out / f"narrow_{scheme}.png")


def take(page: Page, path: Path) -> None:
    """A picture of what the window shows; flat surfaces make a small file."""
    page.page.screenshot(path=path)
    with Image.open(path) as picture:
        whole = picture.convert("RGB")
    whole.save(path, optimize=True)


if __name__ == "__main__":
    main()
