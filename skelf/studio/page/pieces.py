"""Small parts that panels are made of: plain HTML with names that a screen reader says."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from . import keys

Handler = Callable[[], Awaitable[None] | None]


class Tag(TextElement):
    """Any HTML element with a text.

    Args:
        name: of the element.
        text: is escaped by the browser.
        style: its classes.
        told: further attributes.
    """

    def __init__(
        self, name: str, text: str = "", style: str = "", told: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(tag=name, text=text)
        if style:
            self.classes(style)
        self._props.update(told or {})


def button(
    text: str,
    do: Handler | None = None,
    *,
    style: str = "",
    action: str = "",
    name: str = "",
) -> Tag:
    """A button.

    Args:
        text: on it.
        do: what it does; None: its action, exactly as a key does.
        style: classes besides "button".
        action: of a key, which the button shows when pointed at.
        name: for screen readers, where the text is a sign.
    """
    key, told = keys.of(action), {"type": "button"}
    if do is None:
        told |= asks(action)
    if key or name:
        told["title"] = f"{name or text}  {key}".strip()
    if name:
        told["aria-label"] = name
    made = Tag("button", text, f"button {style}".strip(), told)
    if do is not None:
        made.on("click", lambda: do(), args=[])
    return made


def asks(action: str, detail: Mapping[str, object] | None = None) -> dict[str, str]:
    """Attributes of a button that does an action in the timeline's script, as a key does.

    The script says what is chosen at that moment, and nothing is lost where the server draws the
    button anew meanwhile.
    """
    told = {"data-act": action}
    return told if detail is None else told | {"data-detail": json.dumps(detail)}


def box(style: str, *, tag: str = "div", **told: str) -> Element:
    """A container; attributes are written with `_` for `-`."""
    made = Element(tag).classes(style)
    made.props.update({key.replace("_", "-"): text for key, text in told.items()})
    return made


def set_(element: Element, key: str, value: object) -> None:
    """Sets an attribute, None takes it away; nothing is sent where it is so already."""
    if element.props.get(key) == value:
        return
    if value is None:
        del element.props[key]
    else:
        element.props[key] = value
    element.update()


def swatch(colour: int) -> Element:
    """A square of a class's colour; -1: of none."""
    made = box("swatch", tag="span", aria_hidden="true")
    paint(made, colour)
    return made


def paint(made: Element, colour: int) -> None:
    """Another colour for a swatch."""
    made.style(replace=f"background:var(--k{colour % 12})" if colour >= 0 else "")


def bar(share: float, text: str) -> Element:
    """A bar that is filled to a share in [0, 1]; its name says of what."""
    percent = str(round(100 * min(max(share, 0.0), 1.0)))
    made = box(
        "bar", role="progressbar", aria_label=text, aria_valuenow=percent,
        aria_valuemin="0", aria_valuemax="100",
    )  # fmt: skip
    with made:
        Element("span").style(f"width:{percent}%")
    return made


def clock(frame: int, fps: float) -> str:
    """A frame as time.

    Examples:
        >>> clock(2000, 30.0), clock(120_000, 30.0)
        ('1:06.7', '1:06:40.0')
    """
    tenths = round(10 * frame / fps)
    hours, minutes, rest = tenths // 36_000, tenths // 600 % 60, tenths % 600 / 10
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def percent(share: float) -> str:
    """A share in whole percent.

    Examples:
        >>> percent(0.934)
        '93 %'
    """
    return f"{100 * share:.0f} %"


def duration(seconds: float) -> str:
    """About how long.

    Examples:
        >>> duration(42.3), duration(600), duration(7300)
        ('42 s', '10 min', '2.0 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
