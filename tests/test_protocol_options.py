"""What holds of the options of every protocol: written once, they look alike from everywhere."""

import dataclasses
import inspect

import pytest
from protocol_fakes import Joints, clips

from skelf.errors import InputError
from skelf.protocols import PROTOCOLS
from skelf.settings.evaluation import evaluation
from skelf.settings.options import flat, from_flat, is_options, option, options, table
from skelf.settings.ranges import Range
from skelf.settings.settable import options_of

OPTIONS = {name: options_of(protocol, "how") for name, protocol in PROTOCOLS.items()}
EVERY = pytest.mark.parametrize("name", PROTOCOLS)


def other(value):
    """Another value of the same kind."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return not value
    return value[:1] if isinstance(value, tuple) else value


@EVERY
def test_a_protocol_is_called_like_every_other(name):
    assert PROTOCOLS[name].__name__ == name
    assert OPTIONS[name].__name__.lower() == name
    parameters = inspect.signature(PROTOCOLS[name]).parameters
    assert list(parameters) == ["encoder", "train", "test", "how", "seed", "device", "cache"]
    assert parameters["how"].default == OPTIONS[name]()
    keywords = [key for key, one in parameters.items() if one.kind is one.KEYWORD_ONLY]
    assert keywords == ["seed", "device", "cache"]


@EVERY
def test_every_option_has_one_line(name):
    for key, one in table(OPTIONS[name]).items():
        assert one.doc and "\n" not in one.doc and not one.doc.endswith("."), key
        assert len(one.doc) < 100, key
    for group in groups(OPTIONS[name]()):
        doc = type(group).__doc__
        assert not doc.startswith(f"{type(group).__name__}(")  # what a dataclass says without one


def groups(how):
    yield how
    for field in dataclasses.fields(how):
        if is_options(value := getattr(how, field.name)):
            yield from groups(value)


@EVERY
def test_defaults_pass_their_own_check_and_come_back(name):
    cls = OPTIONS[name]
    values = flat(cls())
    assert values == {key: one.default for key, one in table(cls).items()}
    assert from_flat(cls, values) == cls()
    assert evaluation({name: PROTOCOLS[name]})[name] == cls()
    settings = [f"eval.{key}={_word(value)}" for key, value in values.items()]
    assert evaluation({name: PROTOCOLS[name]}, overrides=settings)[name] == cls()


@EVERY
def test_any_option_comes_back(name):
    cls = OPTIONS[name]
    for key, value in flat(cls()).items():
        try:
            changed = from_flat(cls, {key: other(value)})
        except InputError:  # only together with another one
            continue
        assert from_flat(cls, flat(changed)) == changed
        assert list(flat(changed)) == list(table(cls))


def _word(value):
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_word, value)) + "]"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return repr(value).replace("'", '"')


def wrong(setting):
    """A value outside an option's range or choices."""
    for bounds in getattr(setting.annotation, "__metadata__", ()):
        if isinstance(bounds, Range):
            return (bounds.ge if bounds.gt is None else bounds.gt) - 1
    return "such"


@EVERY
def test_wrong_values_are_refused_from_python_as_from_the_command_line(name):
    """One line that names the key; before any work, so that nothing of the set is looked at."""
    cls = OPTIONS[name]
    for key, one in table(cls).items():
        if one.annotation is str:
            continue  # a name, which is looked for in the set
        value = wrong(one)
        with pytest.raises(InputError) as python:
            PROTOCOLS[name](Joints(), clips([0, 1]), clips([0, 1]), from_flat(cls, {key: value}))
        with pytest.raises(InputError) as line:
            evaluation({name: PROTOCOLS[name]}, overrides=[f"eval.{key}={value}"])
        assert str(python.value).startswith(f"eval.{key}: ")
        assert str(line.value) == f"override 'eval.{key}={value}': {python.value}"
        assert "\n" not in str(python.value)


def test_a_key_that_stands_in_two_groups_is_a_programming_error():
    @options("eval")
    class Inner:
        epochs: int = option(1, "passes")

    @options("eval")
    class Outer:
        epochs: int = option(2, "passes")
        inner: Inner = option(Inner(), "a group")

    with pytest.raises(TypeError, match="epochs stands in two"):
        table(Outer)


def test_settings_of_a_run_may_go_together_for_some_protocols_only():
    """momentum=0 suits linear, and detection's recipe refuses it: where detection is asked for."""
    words = ["eval.momentum=0"]
    assert evaluation({"linear": PROTOCOLS["linear"]}, overrides=words)["linear"].momentum == 0
    with pytest.raises(InputError, match=r"^eval\.nesterov: needs momentum"):
        evaluation(PROTOCOLS, overrides=words)
