"""A dialog that asks for a name."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable

from ....errors import InputError
from ..pieces import Tag, box, button
from ..window import Window


def ask(
    window: Window,
    title: str,
    now: str,
    then: Callable[[str], Awaitable[None] | None],
    *,
    hint: str = "",
) -> None:
    """Asks, and goes on with the answer; what cannot be is said, and the dialog stays.

    Args:
        window: to ask in.
        title: what is asked for.
        now: stands in the field at first.
        then: takes the name.
        hint: a line beneath.
    """
    written = {"text": now}

    async def go() -> None:
        try:
            done = then(written["text"])
            if inspect.isawaitable(done):
                await done
        except InputError as error:
            window.say(str(error), warn=True)
            return
        dialog.close()

    def keep(event: object) -> None:
        written["text"] = str(getattr(event, "args", ""))

    with window.dialog(title) as dialog:
        told = {"defaultValue": now, "aria-label": title, "autofocus": True, "maxlength": 200}
        field = Tag("input", "", "field", told)
        field.on("input", keep, js_handler="(e) => emit(e.target.value)")
        field.on("keydown.enter", go, args=[])
        # Another dialog that is just closing gives the focus back to where it was before.
        dialog.on("show", js_handler=f"() => document.getElementById('c{field.id}')?.focus()")
        if hint:
            Tag("p", hint, "soft")
        with box("actions"):
            button("Save", go, style="first")
            button("Cancel", dialog.close)
