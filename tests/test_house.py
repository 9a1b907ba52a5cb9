"""The counted layout of a package, on one made here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.house import counted


def test_a_small_package_is_counted(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "__init__.py").write_text('"""Data."""\n')
    (tmp_path / "data" / "clips.py").write_text("from ..errors import Wrong\nfrom . import store\n")
    (tmp_path / "data" / "store.py").write_text("x: Any = 1  # type: ignore\n")
    (tmp_path / "errors.py").write_text(
        '"""Two\nlines."""\n\n# why\ndef f(a, b, c, d, e, f, g, h, i): ...\n'
    )
    figures = counted(tmp_path)
    assert figures == {
        "files": 4, "lines": 9, "code": 4, "things": 2, "arrows": 1, "data things": 3,
        "data arrows": 1, "over 8 parameters": 1, "Any": 1, "type: ignore": 1,
    }  # fmt: skip
