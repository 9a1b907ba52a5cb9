"""Distillation of relations: a query sees earlier clips as its key does, each term a pure function.

Papers: the survey's Eq. 4; Zhang et al., PCM3, ACM MM 2023; Mao et al., CMD, ECCV 2022.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def relational(
    student: Tensor,
    teacher: Tensor,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.05,
) -> Tensor:
    """KL divergence from the query's distribution over a queue to its key's.

    Args:
        student: cosines `(N, K)` of queries and the keys of the queue.
        teacher: cosines `(N, K)` of the queries' own keys and the same; gets no gradient.
        student_temperature: of the query's softmax (released: 0.1).
        teacher_temperature: of the key's softmax, the sharper one (released: 0.05).

    Returns:
        A scalar, the mean over clips.

    Source: sources P10: all keys of the queue, though the released call asks for the nearest.

    Examples:
        >>> import torch
        >>> cosines = torch.tensor([[0.9, 0.1, 0.0]])
        >>> agree = relational(cosines, cosines, 0.1, 0.1)
        >>> bool(agree < relational(-cosines, cosines, 0.1, 0.1))
        True
    """
    log_p = (teacher.detach() / teacher_temperature).log_softmax(dim=1)
    log_q = (student / student_temperature).log_softmax(dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


def neighbouring(
    students: Sequence[Tensor],
    teacher: Tensor,
    topk: int,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.05,
) -> Tensor:
    """KL divergence of students' distributions from a teacher's, over the teacher's neighbours.

    Args:
        students: cosines `(N, K)` of other streams' queries and keys of the same earlier clips.
        teacher: cosines `(N, K)` of one stream's keys and those of earlier clips; no gradient.
        topk: nearest clips of the teacher that count; for each student the same clips (released:
            8192 of 16384).
        student_temperature: of a query's softmax (released: 0.1).
        teacher_temperature: of the key's softmax, the sharper one (released: 0.05).

    Returns:
        A scalar, the sum over students of the mean over clips.

    Source: CMD's released code, sources K3.
    """
    values, places = teacher.detach().topk(topk, dim=1)
    losses = [
        relational(student.gather(1, places), values, student_temperature, teacher_temperature)
        for student in students
    ]
    return torch.stack(losses).sum()


def nearest_relational(
    student: Tensor,
    teacher: Tensor,
    count: int,
    student_temperature: float = 0.1,
    teacher_temperature: float = 0.04,
    same: float = 0.95,
) -> Tensor:
    """`neighbouring` of one student, without earlier clips that may be the clip itself.

    Args:
        student: cosines, or what stands for them, `(N, K)`.
        teacher: cosines `(N, K)` of the keys.
        count: how many of the K count, those nearest to the key (released: 8192).
        student_temperature: of the query's softmax (released: 0.1).
        teacher_temperature: of the key's softmax (released: 0.04).
        same: earlier clips that are nearer than this are held for the clip itself: the key has a
            cosine of -1 with them (released: 0.95).

    Returns:
        A scalar, the mean over clips.

    Source: ActCLR's released code (sources L11).
    """
    teacher = teacher.detach()
    teacher = teacher.masked_fill(teacher > same, -1.0)
    return neighbouring([student], teacher, count, student_temperature, teacher_temperature)
