"""Stages of a training that a suite gives as a share of its epochs: `method.mining_epoch=50%`.

So a stage stays where it is in a run whose epochs a budget sets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..errors import InputError
from ..settings.given import parse_override
from ..settings.values import Value

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_IN_EPOCHS = ("train.milestones", "train.save_every", "train.monitor_every")


def has_share(text: str) -> bool:
    """Whether a `section.key=value` gives a share, or a list that holds one."""
    value = parse_override(text)[1]
    return any(map(_is_share, value if isinstance(value, list) else [value]))


def without_shares(settings: Sequence[str]) -> list[str]:
    """Those that need no number of epochs."""
    return [text for text in settings if not has_share(text)]


def in_epochs(settings: Sequence[str], epochs: int) -> list[str]:
    """Settings with each share as whole epochs, the nearest number of them.

    Raises:
        InputError: a share of more than all epochs, or of what is not counted in epochs.

    Examples:
        >>> in_epochs(["method.mining_epoch=50%", "train.lr=0.1"], 17)
        ['method.mining_epoch=8', 'train.lr=0.1']
        >>> in_epochs(['train.milestones=["70%", "90%"]'], 20)
        ['train.milestones=[14, 18]']
    """
    return [_counted(text, epochs) if has_share(text) else text for text in settings]


def _counted(text: str, epochs: int) -> str:
    key, value = parse_override(text)
    name = key.partition(".")[2]
    if key == "train.epochs" or not (key in _IN_EPOCHS or "epoch" in name):
        raise InputError(
            f"{text!r}: a share is of the epochs, for settings that count epochs, such as "
            "method.mining_epoch=50%; give a number here"
        )
    if isinstance(value, list):
        return f"{key}={json.dumps([_epochs(text, each, epochs) for each in value])}"
    return f"{key}={_epochs(text, value, epochs)}"


def _epochs(text: str, value: Value, epochs: int) -> Value:
    if not _is_share(value):
        return value
    percent = float(str(value).strip().removesuffix("%"))
    if percent > 100:
        raise InputError(f"{text!r}: {percent:g}% is more than all epochs; use 0% to 100%")
    return round(percent / 100 * epochs)


def _is_share(value: Value) -> bool:
    return isinstance(value, str) and _SHARE.fullmatch(value.strip()) is not None
