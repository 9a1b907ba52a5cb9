"""The settings of protocols: `eval.key` for every one that takes it, `eval.protocol.key` for one.

In TOML `[eval]` and `[eval.linear]`. A learning rate that suits a linear classifier is no good for
fine-tuning, so settings that a run is to keep belong to one protocol. If an option is set twice,
the last one wins; in a file those of one protocol stand below those of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import InputError
from .given import pick, read_given
from .options import OptionsClass
from .settable import Source, arguments, filled, options_of, settable, unknown_keys
from .values import Settings, Value

Protocols = Mapping[str, Callable[..., object]]


def evaluation(
    protocols: Protocols,
    *,
    base: Mapping[str, Value] | None = None,
    file: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> dict[str, OptionsClass]:
    """The options of each protocol that will run, defaults filled in.

    Args:
        protocols: name -> function; what its `how` is annotated with is what can be set.
        base: the run's stored `Config.eval`; keys that no protocol here takes are left out.
        file: the user's TOML file; only its `eval` section counts.
        overrides: `eval.key=value` or `eval.protocol.key=value`.

    Returns:
        Protocol name -> its options.

    Raises:
        InputError: a key that none of them takes, a key of another section, a wrong value.
    """
    for text in overrides:
        if not text.strip().startswith("eval."):
            raise InputError(_unsettable(text))
    known = _known(protocols)
    stored = {key: value for key, value in (base or {}).items() if key in known}
    values, source = pick(read_given(file, overrides), "eval")
    source = dict.fromkeys(stored, "the run's config") | source
    # What is given now wins over what the run kept, be it for one protocol or for all.
    ordered = {key: value for key, value in stored.items() if key not in values} | values
    return protocol_settings(protocols, ordered, source=source)


def _unsettable(text: str) -> str:
    """What to do with an argument of `eval` that is no setting of a protocol."""
    if "=" not in text:
        return (
            f"{text!r} is no setting (eval.key=value); several protocols are one word with "
            "commas, as linear,knn"
        )
    return f"override {text!r}: only eval.* can change, the run fixes the rest"


def protocol_settings(
    protocols: Protocols, given: Mapping[str, Value], *, source: Source
) -> dict[str, OptionsClass]:
    """The options of each protocol from `key` and `protocol.key`; the last one of a key wins.

    Raises:
        InputError: a key that none of them takes, or a wrong value.
    """
    return {
        name: filled(cls, values, section="eval", source=origin)
        for name, cls, values, origin in _by_protocol(protocols, given, source)
    }


def refuse_wrong(protocols: Protocols, given: Mapping[str, Value], *, source: Source) -> None:
    """Refuses keys that no protocol takes, and values that are wrong by themselves.

    Whether values go together is seen where a protocol runs: a setting of all of them may suit only
    those that will ever be asked for.

    Raises:
        InputError: a key that none of them takes, or a wrong value.
    """
    if not given:
        return  # nothing is imported: neither protocols nor what other packages add
    for _, cls, values, origin in _by_protocol(protocols, given, source):
        arguments(cls, values, section="eval", source=origin)


def _by_protocol(
    protocols: Protocols, given: Mapping[str, Value], source: Source
) -> Iterator[tuple[str, OptionsClass, Settings, dict[str, str]]]:
    """Name, options class, values by bare key and where each came from, of each protocol."""
    if lines := unknown_keys(given, _known(protocols), "eval", source):
        raise InputError("\n".join(lines))
    for name, protocol in protocols.items():
        cls = options_of(protocol, "how")
        takes, values, origin = settable(cls), {}, {}
        for key, value in given.items():
            bare = key.removeprefix(f"{name}.")
            if bare in takes:
                values[bare] = value
                origin[bare] = source if isinstance(source, str) else source.get(key, "")
        yield name, cls, values, origin


def _known(protocols: Protocols) -> set[str]:
    keys = {name: settable(options_of(protocol, "how")) for name, protocol in protocols.items()}
    return {key for name, bare in keys.items() for key in (*bare, *(f"{name}.{k}" for k in bare))}
