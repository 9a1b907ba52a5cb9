"""Distillation of relations: a query sees earlier clips as its key does, each term a pure function.

Paper: the survey's Eq. 4; Zhang et al., PCM3, ACM MM 2023.
"""

from __future__ import annotations

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
