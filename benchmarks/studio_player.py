"""What drawing a frame of the studio's player and timeline takes, in a headless browser.

`python -m benchmarks.studio_player`: four persons of 25 joints, an hour, trails and names on.
A screen of 60 pictures a second leaves 16.7 ms for one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from studio_drive import Page, Server, browser

from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.layouts import NTU25

MINUTES, FPS, SECONDS = 60, 30, 10

MEASURE = """async () => {
  const { desk } = skelfStudio, began = performance.now(), first = desk.cost.drawn, rows = [];
  await new Promise((done) => {
    const look = () => {
      rows.push([desk.cost.player, desk.cost.timeline]);
      if (performance.now() - began < SECONDS * 1000) requestAnimationFrame(look); else done();
    };
    requestAnimationFrame(look);
  });
  return { rows, drawn: desk.cost.drawn - first, seconds: (performance.now() - began) / 1000 };
}"""


def people() -> ClipSet:
    """Four persons who interact for an hour; the same half minute again and again."""
    pairs = [generate(NTU25, clips=0, recordings=2, persons=2, seed=seed) for seed in (1, 2)]
    frames = min(len(pair.joints) for pair in pairs)
    four = np.concatenate([pair.joints[:frames] for pair in pairs], axis=1)
    four[:, 2:] += np.array([0, 0, 1.2], np.float32)
    times = MINUTES * 60 * FPS // frames + 1
    return ClipSet.build(
        np.tile(four, (times, 1, 1, 1)), [times * frames], NTU25, name=["four"], fps=FPS
    )


def measured(page: Page) -> dict[str, Any]:
    """Milliseconds of one drawing, and pictures a second."""
    page.press("Space")
    told = page.js(MEASURE.replace("SECONDS", str(SECONDS)))
    page.press("Space")
    rows = np.array(told["rows"])
    whole = rows.sum(axis=1)
    return {
        "player_ms": float(np.median(rows[:, 0])),
        "timeline_ms": float(np.median(rows[:, 1])),
        "whole_ms_median": float(np.median(whole)),
        "whole_ms_95": float(np.percentile(whole, 95)),
        "pictures_a_second": told["drawn"] / told["seconds"],
    }


def main() -> None:
    """Prints a line for the usual view, and one with everything on."""
    with TemporaryDirectory() as folder:
        people().save(Path(folder) / "four.h5")
        server = Server(Path(folder))
        try:
            with browser() as chromium:
                page = Page(chromium, server.address)
                page.page.click("button:has-text('Make a project')")
                page.wait("globalThis.skelfStudio?.desk.scene", 120)
                page.page.wait_for_timeout(3000)
                for words in ("usual", "with trails and names"):
                    print(words, {k: round(v, 2) for k, v in measured(page).items()})
                    page.press("t", "o")
        finally:
            server.end()


if __name__ == "__main__":
    main()
