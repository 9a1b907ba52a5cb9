"""How the recordings of a project are read: the same words as `skelf data import` takes."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ...settings.values import Value


@dataclass(frozen=True)
class Reading:
    """How recordings are read.

    Args:
        format: a name in `READERS`, or "auto".
        layout: a layout's name or TOML file; empty: the reader's own way.
        options: `key=value` words of the format.
    """

    format: str = "auto"
    layout: str = ""
    options: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Value]:
        """As JSON has it."""
        return {"format": self.format, "layout": self.layout, "options": list(self.options)}

    @classmethod
    def from_dict(cls, told: object) -> Reading:
        """From its JSON.

        Raises:
            InputError: it is none.
        """
        values = told if isinstance(told, dict) else {}
        format_, layout, words = (values.get(key) for key in ("format", "layout", "options"))
        texts = isinstance(words, list) and all(isinstance(word, str) for word in words)
        if not isinstance(format_, str) or not isinstance(layout, str) or not texts:
            raise InputError("project.json: reading: damaged; bring a copy of the file back")
        return cls(format_, layout, tuple(words or ()))
