"""Writes runs in the released layouts: `python -P same_official.py FOLDER RUN ...`.

It runs on the base commit of `benchmarks.same`, and so by the names that modules have there.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import torch

checkpoint, build = import_module("skelf.checkpoint"), import_module("skelf.build")
Config, methods = import_module("skelf.config").Config, import_module("skelf.methods")


def write(run: Path, file: Path) -> None:
    """The newest checkpoint of `run`, as its authors would release it."""
    folder = checkpoint.newest(run)
    described = checkpoint.read_config(folder)
    config = Config.from_dict(described)
    method = build.build_method(config, described["input"], str(run))
    method.load_state_dict(checkpoint.read_tensors(folder))
    torch.save(methods.OFFICIAL[config.method].save(method), file)


if __name__ == "__main__":
    for name in sys.argv[2:]:
        write(Path(name), Path(sys.argv[1]) / f"{name}.pt")
