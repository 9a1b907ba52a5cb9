"""Every action and its key: one table, for what does them and for the page that lists them."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

CLASSES = 9
"""Classes that have a digit."""


class Key(NamedTuple):
    """An action with a key.

    Args:
        keys: that do it, as the browser's script names them; the first is shown.
        action: its name, see `actions.ACTIONS` and the script of the timeline.
        line: what it does.
        group: the heading under which it stands.
        detail: what the action is told besides: a number, or a name.
        repeats: whether a key that is held down does it again and again.
    """

    keys: tuple[str, ...]
    action: str
    line: str
    group: str
    detail: int | float | str | dict[str, int | str] | None = None
    repeats: bool = False


_LOOK, _GO, _LABEL, _HELP, _ALL = (
    "Look", "Move in time", "Label", "The model's help", "Everything else",
)  # fmt: skip

_OF_CLASS = "Class {} for the chosen, for the marks, or around the playhead"

KEYS: tuple[Key, ...] = (
    Key(("Space", "K"), "play", "Play or pause", _GO),
    Key(("ArrowLeft",), "frame", "One frame back", _GO, -1, True),
    Key(("ArrowRight",), "frame", "One frame on", _GO, 1, True),
    Key(("Shift+ArrowLeft",), "second", "One second back", _GO, -1, True),
    Key(("Shift+ArrowRight",), "second", "One second on", _GO, 1, True),
    Key(("Home",), "first", "To the first frame", _GO),
    Key(("End",), "last", "To the last frame", _GO),
    Key((",",), "speed", "Slower", _GO, -1),
    Key((".",), "speed", "Faster", _GO, 1),
    Key(("L",), "set", "Repeat the marked or chosen stretch", _GO, "loop"),
    Key(("+", "="), "zoom", "Zoom the timeline in", _GO, 0.7, True),
    Key(("-",), "zoom", "Zoom the timeline out", _GO, 1.43, True),
    Key(("Z",), "fit", "The whole recording in the timeline", _GO),
    Key(("Ctrl+ArrowUp",), "recording", "The recording before", _GO, {"by": -1}),
    Key(("Ctrl+ArrowDown",), "recording", "The recording after", _GO, {"by": 1}),
    Key(("F",), "set", "Follow the persons", _LOOK, "follow"),
    Key(("G",), "set", "Floor", _LOOK, "floor"),
    Key(("T",), "set", "Trails of hands and feet", _LOOK, "trails"),
    Key(("O",), "set", "Names of the joints", _LOOK, "names"),
    Key(("V",), "set", "Video beside the figures", _LOOK, "video"),
    Key(("Q",), "turn", "Turn the camera left", _LOOK, -0.12, True),
    Key(("W",), "turn", "Turn the camera right", _LOOK, 0.12, True),
    Key(("0",), "camera", "The camera as at first", _LOOK),
    Key(("[",), "set_start", "Begin the marks, or the chosen label, at the playhead", _LABEL),
    Key(("]",), "set_end", "End the marks, or the chosen label, at the playhead", _LABEL),
    *(
        Key((str(number),), "label", _OF_CLASS.format(number), _LABEL, {"number": number - 1})
        for number in range(1, CLASSES + 1)
    ),
    Key(("C",), "new_class", "New class", _LABEL),
    Key(("B",), "background", "Nothing that matters happens here", _LABEL),
    Key(("PageUp",), "label_at", "Choose the label before", _LABEL, -1),
    Key(("PageDown",), "label_at", "Choose the label after", _LABEL, 1),
    Key(("Ctrl+ArrowLeft",), "nudge", "The chosen label one frame back", _LABEL, -1, True),
    Key(("Ctrl+ArrowRight",), "nudge", "The chosen label one frame on", _LABEL, 1, True),
    Key(("S",), "split", "Split the label at the playhead", _LABEL),
    Key(("J",), "join", "Join the chosen label with the next of its class", _LABEL),
    Key(("Delete", "Backspace"), "remove", "Take the chosen label away", _LABEL),
    Key(("Ctrl+Z",), "undo", "Undo", _LABEL, None, True),
    Key(("Ctrl+Shift+Z", "Ctrl+Y"), "redo", "Redo", _LABEL, None, True),
    Key(("Escape",), "clear", "Nothing chosen, nothing marked", _LABEL),
    Key(("ArrowUp",), "suggestion", "The suggestion before", _HELP, -1),
    Key(("ArrowDown",), "suggestion", "The suggestion after", _HELP, 1),
    Key(("Enter", "A"), "accept", "Accept the suggestion", _HELP),
    Key(("X", "R"), "refuse", "Refuse the suggestion", _HELP),
    Key(("N",), "next", "The next stretch to label", _HELP),
    Key(("Shift+N",), "skip", "Pass over this stretch, and the next one", _HELP),
    Key(("E",), "grow", "Mark what goes on at the playhead, to its likely borders", _HELP),
    Key(("M",), "similar", "Find more like what is marked or chosen", _HELP),
    Key(("D",), "finish", "This recording is labelled to the end", _HELP),
    *(
        Key((f"Alt+{number}",), "panel", f"Panel: {name}", _ALL, {"to": name.lower()})
        for number, name in enumerate(
            ("Recordings", "Labels", "Suggestions", "Map", "Model", "Files"), start=1
        )
    ),
    Key(("?",), "keys", "This page", _ALL),
)


class Told(TypedDict):
    """A key as the browser's script takes it."""

    keys: list[str]
    action: str
    detail: int | float | str | dict[str, int | str] | None
    repeats: bool


def listed() -> list[tuple[str, str, str]]:
    """Group, line and keys of every action, as people read them; the classes' digits are one."""
    rows = []
    for key in KEYS:
        if key.action != "label":
            rows.append((key.group, key.line, " or ".join(shown(name) for name in key.keys)))
        elif key.keys == ("1",):
            line = _OF_CLASS.format(f"1 to {CLASSES}")
            rows.append((key.group, line, f"1 to {CLASSES}"))
    return rows


def told() -> list[Told]:
    """The table for the browser's script."""
    return [
        {"keys": [*k.keys], "action": k.action, "detail": k.detail, "repeats": k.repeats}
        for k in KEYS
    ]


def shown(name: str) -> str:
    """A key as people read it.

    Examples:
        >>> shown("Ctrl+ArrowLeft")
        'Ctrl ←'
    """
    signs = {"ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓"}
    return " ".join(signs.get(part, part) for part in name.split("+") if part) or name


def by_action() -> dict[str, str]:
    """The first key of every action that has one, for the buttons that the browser draws."""
    return {key.action: shown(key.keys[0]) for key in reversed(KEYS)}


def of(action: str) -> str:
    """The key of an action, for the button that does it too; empty: it has none."""
    return next((shown(k.keys[0]) for k in KEYS if k.action == action), "")
