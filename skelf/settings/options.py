"""Options written once: frozen dataclasses whose fields carry default, range and one line of text.

`key=value`, TOML, `--help`, the documentation and the check of what Python passes all
come from these fields. What two protocols share is a field that holds the other's options; seen
from outside its fields stand beside the others, so that a key stays one word:

>>> @options("eval")
... class Schedule:
...     epochs: int = option(160, "passes over the features", ge=1)
>>> @options("eval")
... class Occlusion:
...     sigma: float = option(0.1, "deviation of the noise", gt=0)
...     schedule: Schedule = option(Schedule(epochs=20), "how the classifier is trained")
>>> flat(Occlusion(sigma=1))
{'sigma': 1.0, 'epochs': 20}
>>> from_flat(Occlusion, epochs=5)
Occlusion(sigma=0.1, schedule=Schedule(epochs=5))
>>> Schedule(epochs=0)
Traceback (most recent call last):
skelf.errors.InputError: eval.epochs: Input should be greater than or equal to 1, got 0

A process that only carries options, as one that parses files, need not load pydantic: defaults are
not checked when they stand in a class, nor when they are `unchecked`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar, dataclass_transform, get_type_hints

from ..errors import InputError
from .ranges import Range
from .values import Annotation, Settings, Value, plain, validated

C = TypeVar("C")
# A class that `options` made, or an instance: mypy has no type of all dataclasses.
OptionsClass = Any

_DOC, _RANGE = "doc", "range"


class Option(NamedTuple):
    """One thing that can be set.

    Args:
        annotation: its type with its range.
        default: what it is where nobody sets it; `dataclasses.MISSING` where somebody must.
        doc: one line; "" where there is none.
        path: the fields that lead to it, outermost first.
    """

    annotation: Annotation
    default: Value
    doc: str
    path: tuple[str, ...]


def option(
    default: Value,
    doc: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
) -> Value:
    """A field of an `options` class.

    Args:
        default: its default; options of another class for a shared group.
        doc: one line: what it is, its unit, the paper's value.
        ge: the least. A range of many options has a name in `ranges` instead.
        gt: above this.
        le: the largest.
        lt: below this.
    """
    bounds = Range(ge, gt, le, lt)
    metadata = {_DOC: doc, _RANGE: bounds if bounds != Range() else None}
    return dataclasses.field(default=default, metadata=metadata)


# Without `field_specifiers` a checker takes `= option(...)` for the default, which it is here.
@dataclass_transform(frozen_default=True, kw_only_default=True)
def options(section: str) -> Callable[[type[C]], type[C]]:
    """Makes a class of `option` fields a frozen dataclass that refuses wrong values.

    An instance checks and converts its values when it is made. A method `check(self)` of the class
    then looks at them together and raises ValueError.

    Args:
        section: prefix of the keys in messages, such as eval.

    Raises:
        InputError: of the class that it makes: wrong values; one line for each.
    """

    def make(cls: OptionsClass) -> OptionsClass:
        cls.section = section
        cls.__post_init__ = _check
        return dataclasses.dataclass(frozen=True, kw_only=True)(cls)

    return make


def unchecked(cls: type[C], **values: object) -> C:
    """Options for a default, which a test checks instead of every import.

    Raises:
        TypeError: a field that the class does not have.
    """
    fields: Any = cls  # Any: a checker does not see that it is a dataclass
    defaults = {field.name: field.default for field in dataclasses.fields(fields)}
    if strange := values.keys() - defaults.keys():
        raise TypeError(f"{cls.__name__} has no field {min(strange)!r}")
    instance = object.__new__(cls)
    for name, value in (defaults | values).items():
        object.__setattr__(instance, name, value)
    return instance


def is_options(thing: object) -> bool:
    """Whether it is a class that `options` made, or an instance of one."""
    return dataclasses.is_dataclass(thing) and hasattr(thing, "section")


def table(cls: OptionsClass) -> dict[str, Option]:
    """Key -> what can be set, of an options class, shared groups among them.

    Raises:
        TypeError: two fields that are one key from outside.
    """
    return _tables(cls)


def flat(instance: OptionsClass) -> Settings:
    """Key -> value; sequences as tuples. The way back is `from_flat`."""
    values = {}
    for key, one in table(type(instance)).items():
        value = instance
        for field in one.path:
            value = getattr(value, field)
        values[key] = plain(value)
    return values


def from_flat(cls: type[C], values: Mapping[str, Value] | None = None, /, **more: Value) -> C:
    """The options that `values` and `more` name, by key, and the defaults of the others.

    Raises:
        InputError: wrong values; one line for each.
        TypeError: a key that the class does not have.
    """
    known, values = table(cls), {**(values or {}), **more}
    if strange := [key for key in values if key not in known]:
        raise TypeError(f"{cls.__name__} has no option {strange[0]!r}")
    return _filled(cls, None, {known[key].path: value for key, value in values.items()})


def _table(
    cls: OptionsClass, defaults: Mapping[str, Value], path: tuple[str, ...]
) -> dict[str, Option]:
    # A group's class need not be a name of the module: its default says what it is.
    groups = [type(f.default) for f in dataclasses.fields(cls) if is_options(f.default)]
    hints = get_type_hints(cls, localns={c.__name__: c for c in groups}, include_extras=True)
    found: dict[str, Option] = {}
    for field in dataclasses.fields(cls):
        here, default = (*path, field.name), defaults.get(field.name, field.default)
        if is_options(default):
            own = {f.name: getattr(default, f.name) for f in dataclasses.fields(default)}
            more = _table(type(default), own, here)
        else:
            annotation, bounds = hints[field.name], field.metadata[_RANGE]
            annotation = Annotated[annotation, bounds] if bounds else annotation
            more = {field.name: Option(annotation, default, field.metadata[_DOC], here)}
        if twice := found.keys() & more.keys():
            raise TypeError(f"{cls.__name__}: {min(twice)} stands in two of its groups")
        found |= more
    return found


# A type checker holds an unknown class for something that cannot be hashed.
_tables: Callable[[OptionsClass], dict[str, Option]] = cache(lambda cls: _table(cls, {}, ()))


def _filled(
    cls: OptionsClass, base: OptionsClass, values: Mapping[tuple[str, ...], Value]
) -> OptionsClass:
    """`base` (None: the defaults) with what `values` holds by path."""
    own: Settings = {}
    for field in dataclasses.fields(cls):
        below = {path[1:]: value for path, value in values.items() if path[0] == field.name}
        default = field.default if base is None else getattr(base, field.name)
        if () in below:
            own[field.name] = below[()]
        elif below:
            own[field.name] = _filled(type(default), default, below)
        elif base is not None:
            own[field.name] = default
    return cls(**own)


def _check(self: OptionsClass) -> None:
    """What `options` runs when an instance is made."""
    known, lines = table(type(self)), []
    for field in dataclasses.fields(self):
        value = getattr(self, field.name)
        if value is field.default:
            continue  # the class vouches for it
        if is_options(field.default):
            if not isinstance(value, type(field.default)):
                lines.append(f"{self.section}.{field.name}: not a {type(field.default).__name__}")
            continue
        try:
            checked = plain(validated(known[field.name].annotation, value))
            object.__setattr__(self, field.name, checked)
        except ValueError as error:
            lines.append(f"{self.section}.{field.name}: {error}")
    if not lines and hasattr(self, "check"):
        try:
            self.check()
        except ValueError as error:
            lines.append(f"{self.section}.{error}")
    if lines:
        raise InputError("\n".join(lines))
