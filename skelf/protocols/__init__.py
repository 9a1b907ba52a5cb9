"""Protocols: `run(encoder, train, test, ...) -> Outcome`, each judges an encoder in one way.

The encoder comes back bit-equal, with its training flags as they were: those that fine-tune train
a copy. To add a protocol: its module and one line here.
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
        "linear": "linear.run",
        "knn": "knn.run",
        "retrieval": "retrieval.run",
        "finetune": "finetune.run",
        "semi": "semi.run",
        "occlusion": "occlusion.run",
        "fewshot": "fewshot.run",
        "detection": "detection.run",
    },
)
