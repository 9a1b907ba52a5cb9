"""skelf: self-supervised understanding of human skeleton motion.

import skelf

clips = skelf.ClipSet.open("clips.h5")
run = skelf.pretrain("usdrl", clips, out="run", split="xview")
rows = skelf.evaluate(["linear", "knn"], run, clips, split="xview")
encoder = skelf.load(run)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from .api import evaluate, from_pretrained, load, load_official, pretrain, resume
    from .data.clips import ClipSet
    from .export.write import export_onnx
    from .inference.fit_classifier import fit_classifier
    from .inference.model import load_model
    from .results.fusion import fuse
    from .skeleton import Skeleton

__all__ = [
    "ClipSet",
    "Skeleton",
    "evaluate",
    "export_onnx",
    "fit_classifier",
    "from_pretrained",
    "fuse",
    "load",
    "load_model",
    "load_official",
    "pretrain",
    "resume",
]

_HOME = {
    "ClipSet": "data.clips",
    "Skeleton": "skeleton",
    "export_onnx": "export.write",
    "fit_classifier": "inference.fit_classifier",
    "fuse": "results.fusion",
    "load_model": "inference.model",
}


def __getattr__(name: str) -> Any:  # the type of an attribute depends on its name
    # Imported on first use: torch takes seconds, the installed version a tenth of one.
    if name == "__version__":
        from importlib.metadata import version

        return version("skelf")
    if name not in __all__:
        raise AttributeError(f"module 'skelf' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"skelf.{_HOME.get(name, 'api')}"), name)
