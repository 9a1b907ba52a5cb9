"""PCM3's contrast: each view of the query side beside its key and the keys of earlier clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ..losses.contrastive import cosines
from ..losses.distillation import relational


class Relation(NamedTuple):
    """How one view and its key stand to the queue."""

    student: Tensor  # (B, 1 + K): cosines of the view with its key, then with the queue
    teacher: Tensor  # (B, K): cosines of the key with the queue


def relations(
    queries: Mapping[str, Tensor], keys: Mapping[str, Tensor], queue: Tensor
) -> dict[str, Relation]:
    """The relation of each view; a mixed view has the mixed key, any other the key itself."""
    teachers = {name: key @ queue.T for name, key in keys.items()}
    key_of = {view: "mix" if view == "mix" else "key" for view in queries}
    students = cosines(
        torch.cat(list(queries.values())), torch.cat([keys[k] for k in key_of.values()]), queue
    ).chunk(len(queries))
    return {
        view: Relation(student, teachers[key_of[view]])
        for view, student in zip(queries, students, strict=True)
    }


def distil(relation: Relation, temperatures: tuple[float, float]) -> Tensor:
    """Divergence of the view's relations to earlier clips from its key's.

    Args:
        relation: of one view.
        temperatures: the student's and the teacher's.
    """
    return relational(relation.student[:, 1:], relation.teacher, *temperatures)
