"""What a report shows of how to do it again: the commands of a run and of its evaluations."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence

from ..checkpoints import folder as checkpoint
from ..encoders import ENCODERS
from ..errors import InputError
from ..methods import METHODS
from ..pages import html
from ..pages.html import Section
from ..protocols import PROTOCOLS
from ..settings.evaluation import evaluation
from ..settings.options import flat
from ..settings.run import resolve
from ..settings.values import Settings, Value
from .evidence import Evidence, Row, Run
from .store import Store

SETUPS = 4
"""Most setups whose commands are shown."""

_SECTIONS = ("method", "encoder", "views", "train", "data", "eval")


def commands(evidence: Evidence, store: Store | None) -> list[Section]:
    """The commands of the first setups, of each those of the run of the lowest seed.

    A run whose config does not come back from its commands is left out: that of another version,
    or of a run that started from another.
    """
    blocks: list[str] = []
    for setup, name in evidence.names.items():
        runs = evidence.runs_of(setup)
        if not runs or len(blocks) == SETUPS:
            continue
        rows = [row for row in evidence.rows if row.setup == setup and row.protocol in PROTOCOLS]
        out = f"again{len(blocks) + 1}" if blocks else "again"
        try:
            text = _of_run(runs[0], rows, store, out)
        except (InputError, OSError, KeyError, TypeError, AttributeError, ValueError):
            continue
        blocks += [f"# {name}\n{text}" if len(evidence.names) > 1 else text]
    if not blocks:
        return []
    text = "The settings named are those that differ from the defaults."
    return [Section("The same by hand", html.code("\n".join(blocks)), text)]


def _of_run(run: Run, rows: Sequence[Row], store: Store | None, out: str) -> str:
    """The commands of a run.

    Raises:
        ValueError: they would not give its config again; as InputError, KeyError, TypeError or
            AttributeError where it is no config that this version writes.
    """
    config = checkpoint.read_object(run.folder / "config.json")
    source, method = config["source"], str(config["method"]["name"])
    changes = list(_changes(config))
    again = _settings(method, changes)
    if source.get("init") or any(_json(again[s]) != _json(config[s]) for s in _SECTIONS):
        raise ValueError(f"{run.folder}: its commands are not known")
    words = ["skelf", "pretrain", method, "--data", _store(str(source["data"]), store)]
    words += ["--split", str(source["split"])] if source.get("split") else []
    words += ["--stream", str(config["input"]["stream"]), "--out", out]
    words += ["--seed", str(run.seed or 0)]
    return _command(words, changes) + _evaluations(config, rows, store, out)


def _evaluations(
    config: Mapping[str, Value], rows: Sequence[Row], store: Store | None, out: str
) -> str:
    """A command for each test set, and one more for the untrained encoder if it was judged."""
    text = ""
    for number, place in enumerate(dict.fromkeys(row.judged_on for row in rows)):
        here = [row for row in rows if row.judged_on == place]
        settings = {row.protocol: row.settings for row in here}
        seed = json.loads(here[0].repeat[1])
        words = ["skelf", "eval", ",".join(settings), "--run", out]
        words += ["--data", _store(place[0], store), "--split", place[1]]
        words += ["--seed", str(seed)] if seed else []
        changes = list(_evaluation_changes(settings, config.get("eval") or {}))
        for untrained in sorted({row.untrained for row in here}):
            parts = ("results", "untrained" if untrained else "", *(place if number else ()))
            words_out = ["--out", f"{out}/{'_'.join(filter(None, parts))}.json"]
            words_out += ["--untrained"] if untrained else []
            text += _command([*words, *words_out], changes)
    return text


def _changes(config: Mapping[str, Value]) -> Iterator[str]:
    """`section.key=value` of what differs from the defaults of the run's method and encoder."""
    method, encoder = str(config["method"]["name"]), config["encoder"]["name"]
    usual = _settings(method, ())
    if usual["encoder"]["name"] != encoder:
        yield f"encoder.name={encoder}"
        usual = _settings(method, [f"encoder.name={encoder}"])
    for section in _SECTIONS:
        for key, value in config[section].items():
            if _json(value) != _json(usual[section].get(key)):
                yield f"{section}.{key}={_toml(value)}"


def _settings(method: str, changes: Sequence[str]) -> Settings:
    return resolve(
        method, methods=METHODS, encoders=ENCODERS, protocols=PROTOCOLS, overrides=changes
    ).to_dict()


def _evaluation_changes(
    settings: Mapping[str, Mapping[str, object]], base: Mapping[str, object]
) -> Iterator[str]:
    """`eval.protocol.key=value` of what differs from the defaults and from what the run keeps."""
    options = evaluation({name: PROTOCOLS[name] for name in settings}, base=base)
    usual = {name: flat(how) for name, how in options.items()}
    for protocol, of_protocol in settings.items():
        for key, value in of_protocol.items():
            if key in usual[protocol] and _json(value) != _json(usual[protocol][key]):
                yield f"eval.{protocol}.{key}={_toml(value)}"


def _store(name: str, store: Store | None) -> str:
    if store is not None and store.path is not None and store.place[0] == name:
        return str(store.path)
    return f"{name}.h5"


def _command(words: Sequence[str], settings: Sequence[str], width: int = 84) -> str:
    """One command over as many lines as it needs; an option stands beside its value."""
    lines = [""]
    for word in map(shlex.quote, [*words, *settings]):
        after_option = lines[-1].rstrip().rpartition(" ")[2].startswith("--")
        if lines[-1] and not after_option and len(lines[-1]) + len(word) > width:
            lines[-1] += "\\"
            lines.append("    ")
        lines[-1] += f"{word} "
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _toml(value: object) -> str:
    """A value as `section.key=value` takes it."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True)
