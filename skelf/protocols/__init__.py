"""Protocols: `linear(encoder, train, test, how) -> Outcome`, each judges an encoder in one way.

The encoder comes back bit-equal, with its training flags as they were: those that fine-tune train
a copy. A protocol's options stand beside it, in a class that is named as it is: `how: Linear`. To
add a protocol: its module and one line here.
"""

from collections.abc import Callable

from .detection import Detection, detection
from .fewshot import FewShot, fewshot
from .finetune import Finetune, finetune
from .knn import KNN, knn
from .linear import Linear, linear
from .occlusion import Occlusion, occlusion
from .outcome import Outcome
from .retrieval import Retrieval, retrieval
from .semi import Semi, semi

__all__ = [
    "KNN",
    "PROTOCOLS",
    "Detection",
    "FewShot",
    "Finetune",
    "Linear",
    "Occlusion",
    "Outcome",
    "Retrieval",
    "Semi",
    "detection",
    "fewshot",
    "finetune",
    "knn",
    "linear",
    "occlusion",
    "retrieval",
    "semi",
]

PROTOCOLS: dict[str, Callable[..., Outcome]] = {
    "linear": linear,
    "knn": knn,
    "retrieval": retrieval,
    "finetune": finetune,
    "semi": semi,
    "occlusion": occlusion,
    "fewshot": fewshot,
    "detection": detection,
}
