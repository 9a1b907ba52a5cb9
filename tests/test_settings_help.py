"""`--help` behind a name, and the page of all settings, tell what the code takes."""

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skelf.cli.main import app
from skelf.cli.names import TABLES
from skelf.data.readers import READERS, reader_options
from skelf.methods import METHODS
from skelf.protocols import PROTOCOLS
from skelf.settings.options import table
from skelf.settings.run import Train
from skelf.settings.settable import options_of, settable

ROOT = Path(__file__).parents[1]


def text(*words):
    result = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("name", METHODS)
def test_a_methods_help_names_all_of_its_settings(name):
    help_ = text("pretrain", name)
    keys = [f"method.{key}" for key in settable(METHODS[name])]
    keys += [f"views.{key}" for key in table(options_of(METHODS[name], "views"))]
    keys += [f"train.{key}" for key in table(Train)]
    assert len(keys) > 20 and [key for key in keys if f" {key} " not in help_] == []


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocols_help_names_all_of_its_settings(name):
    help_ = text("eval", name)
    options = table(options_of(PROTOCOLS[name], "how"))
    assert options and all(f" eval.{key} " in help_ for key in options)
    assert all(option.doc.split()[0] in help_ for option in options.values())


def test_several_protocols_and_unknown_names():
    help_ = text("eval", "knn,linear")
    assert "The protocol knn" in help_ and "The protocol linear" in help_
    assert "The protocol" not in text("eval") + text("eval", "nothing")


def test_a_formats_help_names_its_options():
    help_ = text("data", "import", "openpose")
    assert "The format openpose" in help_ and " threshold " in help_
    assert all("The format" in text("data", "import", name) for name in ("ntu", "csv", "bvh"))
    assert "The format" not in text("data", "import", "synthetic")
    for name in ("openpose", "ntu", "precog"):  # and what every one has
        help_ = text("data", "import", name)
        assert "Of every format" in help_ and " labels " in help_ and " segments " in help_


def test_the_shipped_defaults_are_shown():
    lines = [line for line in text("pretrain", "aimclr").splitlines() if " train.epochs " in line]
    assert len(lines) == 1 and " 451 " not in lines[0]


def test_every_setting_has_a_line_about_it():
    things = [*(METHODS[name] for name in METHODS), *TABLES["encoders"].values()]
    things += [options_of(PROTOCOLS[name], "how") for name in PROTOCOLS]
    things += [options_of(METHODS[name], "views") for name in METHODS]
    things += [Train, *filter(None, map(reader_options, READERS))]
    bare = [
        f"{thing.__qualname__}.{key}"
        for thing in things
        for key, option in settable(thing).items()
        if not option.doc
    ]
    assert bare == []


def test_the_page_of_all_settings_is_of_today():
    spec = importlib.util.spec_from_file_location("settings_page", ROOT / "docs" / "settings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = module.PAGE.read_text(encoding="utf-8")
    assert written == module.page(), "run `python docs/settings.py`"
