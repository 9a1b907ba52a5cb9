"""What the check found doubtful in a recording, each with a picture of the place."""

from __future__ import annotations

from asyncio import to_thread

import numpy as np
from nicegui import ui

from ....pages.bodies import bridged
from ....pages.still import still
from ...project.recording import Recording
from ..pieces import Tag, box, button, clock
from ..window import Window

PICTURES = 4


async def show(window: Window, recording: Recording) -> None:
    """A dialog with all of it."""
    pictures = await to_thread(stills, window, recording)
    with window.dialog(recording.name, wide=True) as dialog:
        for doubt in recording.doubts:
            with box(f"note {'warn' if doubt.severity == 'warning' else ''}"):
                Tag("b" if doubt.severity == "warning" else "span", doubt.what)
                if doubt.remedy:
                    Tag("p", doubt.remedy, "soft")
        with box("stills"):
            for picture, words in pictures:
                with box("", tag="figure"):
                    ui.html(picture, sanitize=False)  # made of numbers alone
                    Tag("figcaption", words)
        with box("actions"):
            button("Close", dialog.close)


def stills(window: Window, recording: Recording) -> list[tuple[str, str]]:
    """Pictures of the frames that the doubts are about, or of some from all over, with words."""
    frames = [doubt.frame for doubt in recording.doubts if doubt.frame >= 0][:PICTURES]
    if not frames:
        frames = np.linspace(0, recording.frames - 1, PICTURES + 2)[1:-1].astype(int).tolist()
    return [
        (_still(window, recording, frame), f"{clock(frame, recording.fps)}, frame {frame:,}")
        for frame in frames
    ]


def _still(window: Window, recording: Recording, frame: int) -> str:
    scene = window.studio.scene(recording.name)
    joints = window.studio.joints(recording.name, frame, frame + 1)
    seen = np.isfinite(joints).all(axis=3)
    if not seen.any():
        return '<svg viewBox="0 0 230 230"></svg>'
    whole = bridged(np.where(seen[..., None], joints, 0), window.studio.skeleton(recording.name))
    whole[~seen.any(axis=2)] = np.nan
    room = scene["near"]
    return still(
        whole - joints[seen].mean(axis=0), radius=room["radius"], half=room["half"],
        yaw=scene["yaw"], fps=recording.fps, edges=tuple(scene["edges"]), side=scene["side"],
        head=scene["head"],
    )  # fmt: skip
