"""The settings of protocols: `eval.key` for every one that takes it, `eval.protocol.key` for one.

In TOML `[eval]` and `[eval.linear]`. A learning rate that suits a linear classifier is no good for
fine-tuning, so settings that a run is to keep belong to one protocol. Of two settings of one
argument the later one counts; in a file those of one protocol stand below those of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .signature import Source, arguments, parameters, pick, read_given, unknown_keys

SKIP = ("encoder", "train", "test", "seed", "device", "cache")
"""What the caller of a protocol passes itself; all else in its signature is a setting."""

Run = Callable[..., Any]


def evaluation(
    asked: Mapping[str, Run],
    *,
    base: Mapping[str, Any] | None = None,
    file: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """Arguments of each protocol that is asked, defaults filled in.

    Args:
        asked: name -> run function of the protocols that will run.
        base: the run's stored `Config.eval`; keys that no asked protocol takes are left out.
        file: the user's TOML file; only its `eval` section counts.
        overrides: `eval.key=value` or `eval.protocol.key=value`.

    Returns:
        Protocol name -> keyword arguments.

    Raises:
        InputError: a key that no asked protocol takes, a key of another section, a wrong value.
    """
    for text in overrides:
        if not text.strip().startswith("eval."):
            raise InputError(f"override {text!r}: only eval.* can change, the run fixes the rest")
    known = _known(asked)
    stored = {key: value for key, value in (base or {}).items() if key in known}
    values, source = pick(read_given(file, overrides), "eval")
    source = dict.fromkeys(stored, "the run's config") | source
    # What is given now counts more than what the run kept, be it for one protocol or for all.
    ordered = {key: value for key, value in stored.items() if key not in values} | values
    return protocol_settings(asked, ordered, source=source)


def protocol_settings(
    protocols: Mapping[str, Run], given: Mapping[str, Any], *, source: Source
) -> dict[str, dict[str, Any]]:
    """Arguments of each protocol from `key` and `protocol.key`; of one argument the last counts.

    Raises:
        InputError: a key that none of them takes, or a wrong value.
    """
    if lines := unknown_keys(given, _known(protocols), "eval", source):
        raise InputError("\n".join(lines))
    made = {}
    for name, run in protocols.items():
        takes = parameters(run, skip=SKIP)
        mine, origin = {}, {}
        for key, value in given.items():
            own = key.removeprefix(f"{name}.")
            if own in takes:
                mine[own] = value
                origin[own] = source if isinstance(source, str) else source.get(key, "")
        made[name] = arguments(run, mine, section="eval", source=origin, skip=SKIP)
    return made


def _known(protocols: Mapping[str, Run]) -> set[str]:
    names = {name: parameters(run, skip=SKIP) for name, run in protocols.items()}
    return {key for name, own in names.items() for key in (*own, *(f"{name}.{k}" for k in own))}
