"""Damaged copies of a good file, and what a reader must make of each: a set, or one clear line."""

from __future__ import annotations

import random
import re
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from skelf.data.clips import ClipSet
from skelf.errors import InputError

WORDS = (b"nan", b"inf", b"-1e999", b"", b"99999999999999999999", b"0x7f", b"\xff\xfe", b"\0", b"[",
         b"{}", b"null", b"1,5", b"-", b"\t\t", b"1e308", b"\xc3", b"true")  # fmt: skip
NUMBER = re.compile(rb"-?\d+\.?\d*")
MOST_MEMORY = 256 << 20


def mutants(raw: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Copies of `raw`: bytes changed, numbers replaced, lines moved, pieces cut out or doubled."""
    rng = random.Random(seed)
    spans = [m.span() for m in NUMBER.finditer(raw)][:5000]
    for _ in range(count):
        changed = bytearray(raw)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            way = rng.randrange(6)
            at = rng.randrange(len(changed)) if changed else 0
            end = min(len(changed), at + rng.choice((1, 2, 8, 64, 512)))
            if way == 0 and changed:
                changed[at] = rng.randrange(256)
            elif way == 1:
                changed[at:] = b""
            elif way == 2:
                del changed[at:end]
            elif way == 3:
                changed[at:at] = changed[at:end] * rng.choice((1, 2, 20))
            elif way == 4 and spans:
                start, stop = rng.choice(spans)
                changed[start:stop] = rng.choice(WORDS)
            else:
                lines = bytes(changed).split(b"\n")
                one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
                lines[one], lines[other] = lines[other], lines[one]
                changed = bytearray(b"\n".join(lines))
        yield bytes(changed)


def survives(
    read: Callable[[Path], ClipSet], path: Path, file: Path, count: int = 2000, seed: int = 0
) -> tuple[int, int]:
    """Reads `count` damaged copies of `file`; fails on anything but a set or an InputError.

    Args:
        read: given `path`.
        path: what a user names: the file, or its folder.
        file: the good one; it is there again afterwards.
        count: copies.
        seed: of the damage.

    Returns:
        How many were read and how many refused.
    """
    good = file.read_bytes()
    done, refused = 0, 0
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            for number, raw in enumerate(mutants(good, count, seed)):
                file.write_bytes(raw)
                try:
                    clips = read(path)
                    clips.validate()
                    done += 1
                except InputError as error:
                    assert "\n" not in str(error), str(error)
                    refused += 1
                except Exception as error:
                    raise AssertionError(f"mutant {number} of seed {seed}: {error!r}") from error
                _, most = tracemalloc.get_traced_memory()
                assert most < MOST_MEMORY, f"mutant {number} of seed {seed} took {most:,} bytes"
    finally:
        tracemalloc.stop()
        file.write_bytes(good)
    return done, refused
