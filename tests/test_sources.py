"""docs/sources.md: every number that code, tests and docs name stands there, and each is used."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "docs/sources.md"
FOLDERS = ("skelf", "tests", "benchmarks", "experiments", "examples", "docs")
ENDINGS = {".py", ".md", ".toml"}
FILES = [
    file
    for folder in FOLDERS
    for file in sorted((ROOT / folder).rglob("*"))
    if file.suffix in ENDINGS and file not in (SOURCES, Path(__file__))
] + sorted(ROOT.glob("*.md"))

NUMBER = r"[BCDEGKLNPQTUVW]\d+"
REFERENCE = re.compile(rf"\b[Ss]ources ({NUMBER}(?:(?:,| and| to) {NUMBER})*)")
# How facts were named before, and a number that stands without its word.
OLD = re.compile(r"\b[Ff]acts? (?:sheet|[A-E]?\d)|\b[Tt]he sheet\b|\b[A-E]\d+(?:[a-z]|\.\d+)\b")
BARE = re.compile(rf"\((?!L2\b)({NUMBER})[,)]")  # (L2) is the norm


def prose(text: str) -> str:
    """The text in one line, so that a reference may break over lines and their comment marks."""
    return re.sub(r"\s*\n\s*(?:# )?", " ", text)


def numbers(reference: str) -> list[str]:
    """The numbers that `U1, U3 to U5` names."""
    named: list[str] = []
    for part in re.split(r", | and ", reference):
        first, _, last = part.partition(" to ")
        letter, start, end = first[0], int(first[1:]), int((last or first)[1:])
        assert not last or (last[0] == letter and start < end), part
        named += [f"{letter}{number}" for number in range(start, end + 1)]
    return named


def mistakes(text: str, entries: set[str]) -> list[str]:
    """What is wrong with a text's references."""
    text = prose(text)
    wrong = [f"no entry {n}" for r in REFERENCE.findall(text) for n in numbers(r)]
    wrong = [line for line in wrong if line.split()[-1] not in entries]
    return (
        wrong
        + [f"old spelling {match[0]!r}" for match in OLD.finditer(text)]
        + [f"{number} without the word `sources`" for number in BARE.findall(text)]
    )


def entries() -> list[str]:
    return re.findall(rf"^### ({NUMBER}) ", SOURCES.read_text(), flags=re.M)


def test_entries_are_numbered_in_order() -> None:
    listed = entries()
    assert len(listed) > 60
    for letter in "BCDEGKLNPQTUVW":
        mine = [int(number[1:]) for number in listed if number[0] == letter]
        assert mine == list(range(1, len(mine) + 1)), letter


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_references_resolve(file: Path) -> None:
    wrong = mistakes(file.read_text(encoding="utf-8"), set(entries()))
    assert not wrong, wrong


def test_every_entry_is_used() -> None:
    used = {
        number
        for file in FILES
        for reference in REFERENCE.findall(prose(file.read_text(encoding="utf-8")))
        for number in numbers(reference)
    }
    assert set(entries()) - used == set()


def test_entries_name_each_other_rightly() -> None:
    named = set(re.findall(rf"\b({NUMBER})\b", SOURCES.read_text()))
    assert named <= set(entries())


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Source: paper, Eq. 2; sources U8.", False),
        ("(sources\n    U8, U10 and U11)", False),
        ("# sources U1 to\n# U3", False),
        ("sources U99", True),
        ("sources U8 to U99", True),
        ("Source: facts B3.", True),
        ("the released feeder (A8a)", True),
        ("A15.1 word by word", True),
        ("the loss (U8)", True),
    ],
)
def test_a_wrong_reference_is_seen(text: str, wrong: bool) -> None:
    assert bool(mistakes(text, {f"U{number}" for number in range(1, 12)})) == wrong
