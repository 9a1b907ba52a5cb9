"""What a run was, but for its seed, and what to call it beside others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..pages.svg import clean
from ..settings.run import RESULT_FREE
from ..settings.values import Value

PARTS = ("method", "encoder", "views", "train", "data", "weights", "inputs", "runs")
_OF_INPUTS = ("encoder", "stream", "streams", "weight", "views", "train", "config")


class Setup(NamedTuple):
    """A run without its seed.

    Args:
        method: its name.
        encoder: its name.
        stream: joint, motion, bone, or several joined by "+".
        source: data and split that it was trained on.
        settings: all other settings as `(name, JSON)`, sorted.
        row: what a benchmark's suite calls it; "" outside of benchmarks.
    """

    method: str
    encoder: str
    stream: str
    source: tuple[str, str]
    settings: tuple[tuple[str, str], ...]
    row: str = ""

    def setting(self, name: str) -> object:
        """The value of a setting such as `train.epochs`; None where there is none."""
        text = dict(self.settings).get(name)
        value: object = None if text is None else json.loads(text)
        return value


def setup_of(config: Mapping[str, Value], stream: str, source: tuple[str, str]) -> Setup:
    """The setup of a run's config, or of the config that a row of results carries.

    Settings that are None are left out, as a version that did not know them would.

    Raises:
        KeyError: the config names no method or encoder.
        TypeError: or they are no tables.
    """
    method, encoder = str(config["method"]["name"]), str(config["encoder"]["name"])
    settings: dict[str, str] = {}
    for part in PARTS:
        value = config.get(part)
        if isinstance(value, Mapping):
            for key, inner in value.items():
                name = f"{part}.{key}"
                if inner is not None and key != "name" and name not in RESULT_FREE:
                    settings[name] = json.dumps(inner, sort_keys=True)
        elif value is not None:
            settings[part] = json.dumps(_bare(value), sort_keys=True)
    return Setup(method, encoder, stream, source, tuple(sorted(settings.items())))


def _bare(value: object) -> object:
    """What the runs of an ensemble or a fusion were, without their paths, seeds and results."""
    if isinstance(value, list):
        return [_bare(inner) for inner in value]
    if isinstance(value, Mapping):
        return {
            k: _bare(inner) if k == "config" else inner
            for k, inner in value.items()
            if k in _OF_INPUTS
        }
    return value


def name_setups(setups: Iterable[Setup]) -> dict[Setup, str]:
    """A name for each, of what it has unlike the others, in a fixed order.

    The method, or what a suite calls it, always stands in it; stream and source where they differ,
    the encoder where one method has several; and the settings in which it is unlike most of its
    method and encoder.
    """
    listed = sorted(setups)
    names: dict[Setup, str] = {}
    for setup in listed:
        of_method = [s for s in listed if _called(s) == _called(setup)]
        parts = [_called(setup)]
        parts += [setup.encoder] if len({s.encoder for s in of_method}) > 1 else []
        parts += [setup.stream] if len({s.stream for s in listed}) > 1 else []
        several = [len(set(column)) > 1 for column in zip(*(s.source for s in listed), strict=True)]
        parts += [part for part, unlike in zip(setup.source, several, strict=True) if unlike]
        alike = [s for s in of_method if (s.encoder, _joins(s)) == (setup.encoder, _joins(setup))]
        parts += _unlike(setup, alike)
        name = clean(" · ".join(filter(None, map(str.strip, parts))))
        taken = sum(other == name or other.startswith(f"{name} (") for other in names.values())
        names[setup] = f"{name} ({taken + 1})" if taken else name
    return names


def _called(setup: Setup) -> str:
    return setup.row or setup.method


def _joins(setup: Setup) -> bool:
    """Whether it is a fusion or an ensemble: their settings are others than a run's."""
    return any(name in ("inputs", "runs") for name, _ in setup.settings)


def _unlike(setup: Setup, alike: list[Setup], limit: int = 4) -> list[str]:
    """`key=value` of the settings whose value is not the one that most of the setups have."""
    tables = [dict(s.settings) for s in alike]
    settings = dict(setup.settings)
    differing: list[str] = []
    for key in dict.fromkeys(k for table in tables for k in table):
        counted = Counter(table.get(key) for table in tables).most_common(2)
        usual = len(counted) == 1 or counted[0][1] > counted[1][1]
        if key in ("inputs", "runs") or (usual and settings.get(key) == counted[0][0]):
            continue
        value = settings.get(key, "none").strip('"')
        differing.append(f"{key.partition('.')[2] or key}={clean(value, 24)}")
    if len(differing) <= limit:
        return differing
    return [*differing[:limit], f"and {len(differing) - limit} more"]
