"""Protocols: `run(encoder, train, test, ...) -> Outcome`, each judges an encoder in one way.

The encoder comes back bit-equal, with its training flags as they were: those that fine-tune train
a copy. To add a protocol: its module and one line here.
"""

from collections.abc import Callable

from . import detection, fewshot, finetune, knn, linear, occlusion, retrieval, semi
from .outcome import Outcome

__all__ = ["PROTOCOLS", "Outcome"]

PROTOCOLS: dict[str, Callable[..., Outcome]] = {
    "linear": linear.run,
    "knn": knn.run,
    "retrieval": retrieval.run,
    "finetune": finetune.run,
    "semi": semi.run,
    "occlusion": occlusion.run,
    "fewshot": fewshot.run,
    "detection": detection.run,
}
