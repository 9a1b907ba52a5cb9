"""Protocols: `run(encoder, train, test, ...) -> Outcome`, each judges a frozen encoder in one way.

The encoder comes back bit-equal, with its training flags as they were. To add a protocol: its
module and one line here.
"""

from collections.abc import Callable

from . import knn, linear, retrieval
from .outcome import Outcome

__all__ = ["PROTOCOLS", "Outcome"]

PROTOCOLS: dict[str, Callable[..., Outcome]] = {
    "linear": linear.run,
    "knn": knn.run,
    "retrieval": retrieval.run,
}
