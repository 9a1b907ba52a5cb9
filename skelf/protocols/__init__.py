"""Protocols: `linear(encoder, train, test, how) -> Outcome`, each judges an encoder in one way.

The encoder comes back bit-equal, with its training flags as they were: those that fine-tune train
a copy. A protocol's options stand beside it, in a class that is named as it is: `how: Linear`. To
add a protocol: its module and one line here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..tables import Table

if TYPE_CHECKING:
    from .outcome import Outcome

PROTOCOLS: Table[Callable[..., Outcome]] = Table(
    __name__,
    {
        "linear": "linear.linear",
        "knn": "knn.knn",
        "retrieval": "retrieval.retrieval",
        "dtw": "dtw.dtw",
        "finetune": "finetune.finetune",
        "semi": "semi.semi",
        "occlusion": "occlusion.occlusion",
        "early": "early.early",
        "fewshot": "fewshot.fewshot",
        "quality": "quality.quality",
        "detection": "detection.detection",
        "segmentation": "segmentation.segmentation",
    },
    group="skelf.protocols",
)
