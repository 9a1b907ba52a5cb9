"""What a classifier says of a clip: its class, how sure it is, and what else it may be."""

from __future__ import annotations

from typing import NamedTuple


class Answer(NamedTuple):
    """The class of a clip.

    Args:
        name: the clip's.
        person: whose motion it is, from 0; -1: of all that are there together.
        label: the likeliest class's name, also where it is unsure.
        probability: of it, in [0, 1].
        second: the next class; empty where the model has one class.
        second_probability: of it.
        third: the one after that; empty where there is none.
        third_probability: of it.
        unknown: the probability is below the model's threshold.
    """

    name: str
    person: int
    label: str
    probability: float
    second: str = ""
    second_probability: float = 0.0
    third: str = ""
    third_probability: float = 0.0
    unknown: bool = False
