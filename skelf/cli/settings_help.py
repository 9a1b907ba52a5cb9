"""`--help` behind a name tells that name's settings: `skelf pretrain usdrl --help`.

They come from the same fields and signatures that `key=value` and settings files are checked by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperCommand

from ..errors import InputError
from ..settings.describe import Described
from .group_help import Private
from .names import TABLES

EVERY_FORMAT = "Of every format"
Groups = list[tuple[str, list[Described]]]  # a heading, and the settings beneath it


class WithSettings(TyperCommand):
    """A command whose first word names what has settings."""

    groups: ClassVar[Callable[[str], Groups]]

    def parse_args(self, ctx: Private, args: list[str]) -> list[str]:
        """As Typer does; keeps the words for the help, which ends the parsing."""
        ctx.meta["words"] = [word for word in args if not word.startswith("-")]
        self._refuse_settings_as_options(ctx.meta["words"], args)
        return super().parse_args(ctx, args)

    def _refuse_settings_as_options(self, words: Sequence[str], args: Sequence[str]) -> None:
        """`--lr 0.1`: names the setting `train.lr`, as no option has that name.

        Raises:
            InputError: an option that is none, and is called like a setting.
        """
        options = {name for param in self.params for name in param.opts} | {"--help"}
        names = [word.partition("=")[0] for word in args if word.startswith("--")]
        for name in names:
            if name in options:
                continue
            wanted = name.removeprefix("--").replace("-", "_")
            groups = type(self).groups(words[0] if words else "")
            keys = [setting.key for _, described in groups for setting in described]
            same = [key for key in keys if wanted in (key, key.rpartition(".")[2])]
            if same:
                raise InputError(
                    f"{name} is no option; it is the setting {' or '.join(dict.fromkeys(same))}, "
                    f"written as {same[0]}=VALUE"
                )

    def format_help(self, ctx: Private, formatter: Private) -> None:
        """The command's help, then the settings of what is named."""
        super().format_help(ctx, formatter)
        words = ctx.meta["words"]
        groups = type(self).groups(words[0] if words else "")
        if groups:
            show(groups)


def of_method(name: str) -> Groups:
    """All sections of a run of this method, with the defaults that its shipped file sets."""
    if name not in TABLES["methods"]:
        return []
    from ..settings.describe import described
    from ..settings.options import flat
    from ..settings.run import Data, Train, resolve
    from ..settings.settable import options_of

    methods, encoders = TABLES["methods"], TABLES["encoders"]
    usual = resolve(name, methods=methods, encoders=encoders)
    encoder, method = usual.encoder["name"], methods[name]
    return [
        (
            f"The encoder {encoder}, which is {name}'s usual one (encoder.name)",
            described(encoders[encoder], "encoder", usual.encoder),
        ),
        (f"The method {name}", described(method, "method", usual.arguments)),
        ("Its views", described(options_of(method, "views"), "views", usual.views)),
        ("Training", described(Train, "train", flat(usual.train))),
        ("Data", described(Data, "data", usual.data)),
    ]


def of_protocols(names: str) -> Groups:
    """The options of the protocols of a list with commas."""
    from ..settings.describe import described
    from ..settings.settable import options_of

    table = TABLES["protocols"]
    chosen = [name for name in names.split(",") if name in table]
    return [
        (f"The protocol {name}", described(options_of(table[name], "how"), "eval"))
        for name in chosen
    ]


def of_format(name: str) -> Groups:
    """The options of a format's reader."""
    if name not in TABLES["formats"]:
        return []
    from ..data.annotations.options import Annotations
    from ..data.readers import reader_options
    from ..settings.describe import described

    cls = reader_options(name)
    own: Groups = [(f"The format {name}", described(cls, ""))] if cls else []
    return [*own, (EVERY_FORMAT, described(Annotations, ""))]


def of_clean(_: str) -> Groups:
    """The steps of `data clean`, whatever is cleaned."""
    from ..data.cleaning.options import Clean
    from ..settings.describe import described

    return [("What is done, in this order", described(Clean, ""))]


def of_discover(_: str) -> Groups:
    """How recordings are cut and what is grouped."""
    from ..discover.options import Discover
    from ..settings.describe import described

    return [("How recordings are cut, and what is grouped", described(Discover, ""))]


def of_export(_: str) -> Groups:
    """Which graph is exported."""
    from ..export.options import Export
    from ..settings.describe import described

    return [("Which graph is written", described(Export, ""))]


def of_search(_: str) -> Groups:
    """Where an index's windows lie, and when it is approximate."""
    from ..search.options import Search
    from ..settings.describe import described

    return [("Where windows lie, and when the search is approximate", described(Search, ""))]


def of_classifier(_: str) -> Groups:
    """How a classifier's head is chosen, and how its encoder trains with `--tune`."""
    from ..inference.fit_classifier import FitClassifier
    from ..settings.describe import described

    return [("How the head is chosen, or the encoder trains", described(FitClassifier, "fit"))]


def of_detector(_: str) -> Groups:
    """What is chosen of a detector, and how its head trains."""
    from ..inference.detector_choices import FitDetector
    from ..settings.describe import described

    return [("What is chosen, and how the head trains", described(FitDetector, "fit"))]


def of_writers(_: str) -> Groups:
    """The options of the formats that `data export` writes."""
    from ..data.writers import FORMS, writer_options
    from ..settings.describe import described

    options = {name: writer_options(name) for name in FORMS}
    return [(f"The format {name}", described(cls, "")) for name, cls in options.items() if cls]


GROUPS: dict[str, Callable[[str], Groups]] = {
    "pretrain": of_method,
    "profile": of_method,
    "evaluate": of_protocols,
    "data_import": of_format,
    "export": of_writers,
    "clean": of_clean,
    "discover": of_discover,
    "export_onnx": of_export,
    "search_index": of_search,
    "fit_classifier": of_classifier,
    "fit_detector": of_detector,
}
"""By the module of a command: two commands may have one name in two groups."""


def with_settings(module: str) -> type[WithSettings] | None:
    """What a module's command is, so that its help tells its settings; None where it has none."""
    if module not in GROUPS:
        return None
    return type("WithSettings", (WithSettings,), {"groups": staticmethod(GROUPS[module])})


def show(groups: Sequence[tuple[str, Sequence[Described]]]) -> None:
    """Prints settings as one table a group."""
    console = Console()
    for title, rows in groups:
        table = Table("key", "default", "takes", "what", title=title, title_justify="left")
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        console.print(table)
