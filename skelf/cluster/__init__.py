"""Work past one process: one function over many items, here, in processes, on many machines."""

from .crew import Crew, Done
from .gathered import gathered

__all__ = ["Crew", "Done", "gathered"]
