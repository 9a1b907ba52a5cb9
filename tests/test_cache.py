"""Cached features are never those of other code: whatever they depend on is in their name."""

import importlib
import shutil
import time

import pytest
import torch
from protocol_fakes import Pool, clips
from test_imports import PACKAGE, imported, modules

from skelf.encoders import ENCODERS
from skelf.protocols import _cache, features
from skelf.protocols._cache import key, source_digest

SOME = clips([0, 1, 2])
digest = source_digest.__wrapped__  # of the files as they are now

MINE = """
from torch import nn
from {base} import Base
class Mine(Base):
    pass
"""
BASE = """
from protocol_fakes import Pool
class Base(Pool):
    {body}
"""


def test_a_change_of_any_file_changes_the_name(tmp_path, monkeypatch):
    for folder in _cache.FOLDERS:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for path in (PACKAGE / folder).glob("*.py"):
            shutil.copy(path, tmp_path / folder)
    before = digest()
    monkeypatch.setattr(_cache, "PACKAGE", tmp_path)
    assert digest() == before
    copies = sorted(tmp_path.rglob("*.py"))
    assert len(copies) > 50
    for path in copies:
        content = path.read_bytes()
        path.write_bytes(content + b"#")
        assert digest() != before, path
        path.write_bytes(content)
    assert digest() == before
    (tmp_path / "encoders" / "new.py").touch()
    added = digest()
    (tmp_path / "encoders" / "new.py").rename(tmp_path / "augment" / "new.py")
    assert len({before, added, digest()}) == 3


def test_the_name_holds_the_source(monkeypatch):
    encoder = Pool()
    first = key(encoder, SOME)
    assert first == key(encoder, SOME) and first != key(encoder, SOME, "occluded")
    monkeypatch.setattr(_cache, "source_digest", lambda: "other source")
    assert key(encoder, SOME) != first
    monkeypatch.undo()
    monkeypatch.setattr(torch, "__version__", "2.99")
    assert key(encoder, SOME) != first


def reached(starts):
    """Modules that these import, and those that they import in turn, imports in functions too."""
    known = modules()
    waiting, seen = list(starts), set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            source, is_folder = known[name]
            waiting += [t for t, for_types in imported(name, source, is_folder)
                        if not for_types]  # fmt: skip
    return seen


def is_hashed(name):
    """Whether `source_digest` reads this module's file."""
    path = PACKAGE.joinpath(*name.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    assert path.is_file()
    return path.parent.relative_to(PACKAGE).as_posix().lstrip(".") in _cache.FOLDERS


def test_no_module_on_the_way_to_features_is_left_out():
    encoders = {cls.__module__ for cls in ENCODERS.values()}
    starts = {"skelf.protocols.features", "skelf.encoders", "skelf.encoders.ensemble", *encoders}
    names = reached(starts)
    expected = (
        "data.batch",
        "data.normalize_steps",
        "encoders._recurrence",
        "streams",
        "machine.private",
    )
    assert {f"skelf.{name}" for name in expected} <= names
    assert [name for name in sorted(names) if not is_hashed(name)] == []
    # What is done to clips first: the package's own part of it, see `Change`.
    assert is_hashed("skelf.protocols.occlusion") and is_hashed("skelf.augment.occlusion")
    assert not is_hashed("skelf.methods.usdrl")  # else training code would count too


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """mine(body): an encoder of a user's own, whose base class has this body in another file."""
    monkeypatch.syspath_prepend(tmp_path)
    loaded = []

    def write(body, number=0):
        base, name = f"users_base_{number}", f"users_encoder_{number}"
        (tmp_path / f"{base}.py").write_text(BASE.format(body=body))
        (tmp_path / f"{name}.py").write_text(MINE.format(base=base))
        importlib.invalidate_caches()
        loaded.append(name)
        return importlib.import_module(name).Mine(), tmp_path / f"{base}.py"

    return write


def test_a_users_own_encoder_and_what_it_inherits(mine):
    encoder, path = mine("pass")
    before = key(encoder, SOME)
    assert key(encoder, SOME) == before
    path.write_text(BASE.format(body="def forward(self, x): return 2 * super().forward(x)"))
    assert key(encoder, SOME) != before


def test_an_encoder_without_source_is_not_cached(tmp_path):
    namespace = {"Pool": Pool, "__name__": "typed_in"}
    exec("class Typed(Pool):\n    pass", namespace)
    encoder = namespace["Typed"]()
    assert key(encoder, SOME) is None
    for _ in range(2):
        features.extract(encoder, SOME, cache=tmp_path)
    assert len(encoder.seen) == 2 and not list(tmp_path.iterdir())


def test_hashing_the_source_is_cheap():
    def took():
        start = time.process_time()
        digest()
        return time.process_time() - start

    assert min(took() for _ in range(5)) < 0.02
    source_digest()
    before = source_digest.cache_info()
    source_digest()
    after = source_digest.cache_info()
    assert (after.misses, after.hits) == (before.misses, before.hits + 1)  # once in a process
