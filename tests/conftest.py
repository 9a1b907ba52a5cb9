from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """`real_data(name)`: the `.npz` of a real set; the test is skipped where that is not there."""

    def find(name: str) -> Path:
        beside = Path(__file__).resolve().parents[2] / "shared" / "data"
        root = Path(os.environ.get("SKELF_TEST_DATA", beside))
        path = root / name / f"{name}.npz"
        if not path.is_file():
            pytest.skip(f"{path} is not here; set SKELF_TEST_DATA to the folder of the real sets")
        return path

    return find


@pytest.fixture(scope="session")
def golden() -> Callable[[str], dict[str, np.ndarray]]:
    """`golden(name)`: the arrays of a golden file; the test is skipped where that is not there."""

    def find(name: str) -> dict[str, np.ndarray]:
        beside = Path(__file__).resolve().parents[2] / "shared" / "data"
        root = Path(os.environ.get("SKELF_TEST_DATA", beside)).parent / "golden"
        path = root / f"{name}.npz"
        if not path.is_file():
            pytest.skip(f"{path} is not here; goldens are in the folder beside SKELF_TEST_DATA")
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}

    return find
