"""Writes docs/settings.md from the fields that settings are checked by.

python docs/settings.py
"""

from pathlib import Path

from skelf.cli.names import TABLES
from skelf.cli.settings_help import (
    EVERY_FORMAT,
    of_classifier,
    of_clean,
    of_detector,
    of_discover,
    of_export,
    of_format,
    of_method,
    of_protocols,
    of_search,
    of_writers,
)

PAGE = Path(__file__).with_name("settings.md")
HEAD = """# All settings

<!-- `python docs/settings.py` writes this page. -->

`key=value` on the command line, a TOML file (`--config`) and a suite take these keys. `--help`
behind a name shows the same: `skelf pretrain usdrl --help`, `skelf eval linear --help`,
`skelf data import openpose --help`. If an option is set twice, the last one wins.
"""


def page() -> str:
    """The page's text."""
    shared = ("Training", "Data")
    parts = [HEAD]
    for name in TABLES["methods"]:
        groups = [group for group in of_method(name) if group[0] not in shared]
        parts += [f"\n## {name}\n", *(_table(title, rows) for title, rows in groups)]
    parts.append("\n## Training and data, of every method\n")
    parts.append(
        "\nThe defaults are those of usdrl; `skelf pretrain METHOD --help` shows a method's own.\n"
    )
    parts += [_table(title, rows) for title, rows in of_method("usdrl") if title in shared]
    parts.append("\n## Protocols\n")
    parts += [_table(*group) for name in TABLES["protocols"] for group in of_protocols(name)]
    parts.append("\n## Formats of `skelf data import`\n")
    groups = [group for name in TABLES["formats"] for group in of_format(name)]
    parts += [_table(*group) for group in groups if group[0] != EVERY_FORMAT]
    parts.append(_table(*groups[-1]))
    parts.append("\n## Formats of `skelf data export`\n")
    parts += [_table(*group) for group in of_writers("")]
    parts.append("\n## `skelf data clean`\n")
    parts += [_table(*group) for group in of_clean("")]
    parts.append("\n## `skelf fit classifier`\n")
    parts += [_table(*group) for group in of_classifier("")]
    parts.append("\n## `skelf fit detector`\n")
    parts += [_table(*group) for group in of_detector("")]
    parts.append("\n## `skelf discover`\n")
    parts += [_table(*group) for group in of_discover("")]
    parts.append("\n## `skelf export`\n")
    parts += [_table(*group) for group in of_export("")]
    parts.append("\n## `skelf search index`\n")
    parts += [_table(*group) for group in of_search("")]
    return "".join(parts)


def _table(title, rows):
    head = f"\n### {title}\n\n| key | default | takes | what |\n| --- | --- | --- | --- |\n"
    cells = [[cell.replace("|", "\\|").replace("<", "&lt;") for cell in row] for row in rows]
    lines = [f"| `{key}` | {value} | {takes} | {doc} |\n" for key, value, takes, doc in cells]
    return head + "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
