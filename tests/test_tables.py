"""Tables by name: what they hold, what they say of it; they import only what is taken."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tiny_runs import ENVIRONMENT

from skelf.cli.data import COMMANDS as DATA_COMMANDS
from skelf.cli.main import COMMANDS
from skelf.data.readers import READERS
from skelf.encoders import ENCODERS
from skelf.methods import METHODS, OFFICIAL
from skelf.protocols import PROTOCOLS
from skelf.tables import Table

TABLES = {
    **{"methods": METHODS, "encoders": ENCODERS, "protocols": PROTOCOLS, "readers": READERS},
    **{"commands": COMMANDS, "commands of data": DATA_COMMANDS},
}
GROUPS = {
    ("commands", "data"): "Recordings in, stores checked, described and split.",
    ("commands", "fit"): "From a run and labels to a model that answers: one folder.",
    ("commands", "search"): (
        "Windows of recordings in an index, and what is like a stretch of motion."
    ),
}
ENTRIES = [(kind, name) for kind, table in TABLES.items() for name in table]


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_every_entry_is_there_and_described_by_its_own_docstring(kind, name):
    table = TABLES[kind]
    if (kind, name) in GROUPS:  # a group of commands: its module says what it is
        assert table.docstring(name).partition("\n")[0] == GROUPS[kind, name]
        return
    assert table.first_line(name) == table[name].__doc__.splitlines()[0] != ""
    assert table[name].__name__ == table._homes[name].partition(".")[2]


def test_official_layouts_are_there():
    for method in OFFICIAL.values():
        assert callable(method.load) and callable(method.save)


def test_a_table_is_a_mapping():
    table = Table("skelf", {"unknown": "errors.unknown", "errors": "errors"})
    from skelf import errors

    assert table == {"unknown": errors.unknown, "errors": errors}
    assert list(table) == ["unknown", "errors"] and len(table) == 2
    assert "unknown" in table and "errors.unknown" not in table
    assert table.get("nothing") is None
    with pytest.raises(KeyError, match="nothing"):
        table["nothing"]
    with pytest.raises(TypeError):
        table["errors"] = errors


def test_names_and_lines_import_nothing():
    code = (
        "import sys\n"
        "from skelf.methods import METHODS\n"
        "before = set(sys.modules)\n"
        "assert list(METHODS) and len(METHODS) and 'usdrl' in METHODS and 'no' not in METHODS\n"
        "assert [METHODS.first_line(name) for name in METHODS]\n"
        "assert repr(METHODS)\n"
        "new = {name for name in sys.modules if name.startswith('skelf')} - before\n"
        "print(new - {'skelf.plugins', 'skelf.errors'})\n"  # what other packages add is listed
        "METHODS['usdrl']\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.stdout.split("\n") == ["set()", "True", ""], done.stderr
