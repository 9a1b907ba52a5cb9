"""The card of a model: what it knows, how well, what it was learnt from and how it is used."""

from __future__ import annotations

from collections.abc import Mapping

from ..checkpoints.card import cell, front_matter
from ..settings.values import Value
from .about import About


def model_card(config: Mapping[str, Value], about: About) -> str:
    """README.md of a model folder.

    Args:
        config: what `config.json` holds.
        about: its table "model".
    """
    learnt = about.learnt_from or {}
    source = {**config.get("input", {}), **config.get("source", {}), **learnt}
    method, encoder = (str(config[key].get("name", "")) for key in ("method", "encoder"))
    skeleton = source.get("skeleton", {}).get("name", "")
    tags = ["skeleton", "action-recognition", "self-supervised", about.kind, method, encoder]
    header = {
        "library_name": "skelf",
        # The weights fall under the terms of the recordings, which only their owner knows.
        "license": str(config.get("license", "other")),
        "tags": [tag for tag in dict.fromkeys([*tags, skeleton]) if tag],
    }
    blocks = [
        front_matter(header),
        f"# {about.kind.capitalize()} of skeleton motion: {len(about.class_names)} classes",
        _warning(source),
        _expected(about),
        _facts(config, about, source),
        _use(about.kind),
        _credits(method, encoder),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _warning(source: Mapping[str, Value]) -> str:
    if str(source.get("synthetic", "")).lower() != "true":
        return ""
    return "**Trained on synthetic figures:** for demonstration, not for use on real recordings."


def _expected(about: About) -> str:
    given = about.expected
    if given is None:
        return (
            "**How often it is right is not known.** It learnt from too few clips to hold any out."
        )
    lines = [f"- {name}: {_shown(value)}" for name, value in given.items() if name != "per_class"]
    classes = given.get("per_class") or {}
    table = ["| class | found |", "|---|---|"]
    table += [f"| {cell(name)} | {_shown(value)} |" for name, value in classes.items()]
    return "\n".join(["## What to expect", "", *lines, *(["", *table] if classes else [])])


def _facts(config: Mapping[str, Value], about: About, source: Mapping[str, Value]) -> str:
    facts = {
        "classes": ", ".join(about.class_names),
        "head": ", ".join(f"{key} {value}" for key, value in about.head.items()),
        "temperature": f"{about.temperature:.4g}",
        "unknown below": f"{about.unknown_below:.4g}",
        "joint layout": source.get("skeleton", {}).get("name", ""),
        "stream": source.get("stream", ""),
        "normalisation": config.get("data", {}).get("normalize", ""),
        **{f"learnt from: {key}": value for key, value in (about.learnt_from or {}).items()},
    }
    rows = [f"| {key} | {cell(_shown(value))} |" for key, value in facts.items() if value != ""]
    return "\n".join(["| setting | value |", "|---|---|", *rows])


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(each) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(each)}" for key, each in value.items())
    return "none" if value is None else str(value)


def _use(kind: str) -> str:
    what = "segments" if kind == "detector" else "a row a clip"
    command = f"```\nskelf predict MODEL RECORDINGS --out answers.csv    # {what}\n```"
    if kind == "detector":  # windows, what they say of a frame and rules are no line of Python
        return f"## Use\n\n{command}"
    return (
        f"## Use\n\n{command}\n\n"
        '```python\nimport skelf\n\nmodel = skelf.load_model("this folder, or its name on the hub")'
        "\nprobabilities = model.probabilities(model.encoder(clips))  # clips (N, C, T, V, M)\n```"
    )


def _credits(method: str, encoder: str) -> str:
    return (
        f"The encoder ({encoder}) was pretrained without labels by {method}; whose paper and code "
        "that is, `skelf list methods` says. All settings are in `config.json`. Before using or "
        "sharing the weights, read the terms of the recordings that they were trained on."
    )
