"""The model card: the README.md that a hub shows beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ..settings.values import Value


def card(
    config: Mapping[str, Value],
    metrics: Sequence[Mapping[str, Value]] | None = None,
    **facts: object,
) -> str:
    """README.md of a checkpoint, with the header that the hub indexes.

    Args:
        config: what `config.json` will hold: `Config.to_dict()`, and where known "stream" and
            "skeleton" (also under "input"), "data", "split", "seed" and "synthetic" (also under
            "source"), and "license" of the weights.
        metrics: result rows (protocol, metric, selection, split, value in [0, 1]).
        facts: more lines of the table, `epoch=12` and the like.
    """
    method = _name(config.get("method"))
    encoder = _name(config.get("encoder"))
    about = {**config, "data": "", **config.get("input", {}), **config.get("source", {})}
    skeleton = _name(about.get("skeleton"))
    stream = str(about.get("stream", ""))
    tags = ["skeleton", "action-recognition", "self-supervised", method, encoder, skeleton]
    header = {
        "library_name": "skelf",
        # The weights fall under the terms of the recordings, which only their owner knows.
        "license": str(config.get("license", "other")),
        "tags": [tag for tag in dict.fromkeys(tags) if tag],
    }
    facts_by_name = {
        "method": _arguments(config.get("method")),
        "encoder": _arguments(config.get("encoder")),
        "stream": stream,
        "joint layout": skeleton,
        "data": about["data"],
        "split": about.get("split", ""),
        "seed": about.get("seed", ""),
        "changed on resume": "; ".join(_change(each) for each in about.get("resumed", ())),
        **{name.replace("_", " "): value for name, value in facts.items()},
    }
    title = " ".join(part for part in (method, encoder, stream) if part)
    blocks = [
        front_matter(header),
        f"# {cell(title) or 'skelf'} encoder of skeleton motion",
        _warning(about),
        "| setting | value |\n|---|---|\n"
        + "\n".join(
            f"| {n} | {cell(v)} |" for n, v in facts_by_name.items() if v not in ("", None)
        ),
        _results(metrics or ()),
        "## Use\n\n```python\nimport skelf\n\n"
        'encoder = skelf.load("this folder, or its name on the hub")\n'
        "features = encoder(clips)  # clips (N, C, T, V, M) -> (N, encoder.dim)\n```",
        "All settings are in `config.json`. Pretrained without labels. Before using or sharing the "
        "weights, read the terms of the recordings that they were trained on.",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _change(resumed: Mapping[str, Value]) -> str:
    pairs = (f"{key} {old} → {new}" for key, (old, new) in resumed["changes"].items())
    return f"at step {resumed['step']}: {', '.join(pairs)}"


def _name(section: object) -> str:
    if isinstance(section, Mapping):
        section = section.get("name", "")
    return str(section) if section else ""


def _arguments(section: object) -> str:
    if not isinstance(section, Mapping):
        return _name(section)
    pairs = ", ".join(f"{key}={value}" for key, value in section.items() if key != "name")
    return f"{_name(section)}({pairs})"


def front_matter(values: Mapping[str, object]) -> str:
    """The lines in front of a card that a hub indexes."""
    # JSON strings and lists are YAML too, so no name can break out of its line.
    return "---\n" + "\n".join(f"{key}: {json.dumps(v)}" for key, v in values.items()) + "\n---"


def _warning(about: Mapping[str, object]) -> str:
    if str(about.get("synthetic", "")).lower() != "true":
        return ""
    return "**Trained on synthetic figures:** for demonstration, not for use on real recordings."


def _results(metrics: Sequence[Mapping[str, Value]]) -> str:
    if not metrics:
        return ""
    columns = ("protocol", "metric", "selection", "split", "value")
    lines = ["## Results", "", "| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for row in metrics:
        cells = [cell(row.get(name, "")) for name in columns[:-1]]
        lines.append("| " + " | ".join([*cells, f"{float(row['value']):.4f}"]) + " |")
    return "\n".join(lines)


def cell(value: object) -> str:
    """Text that stays within one table cell."""
    return str(value).replace("|", "\\|").replace("\n", " ")
