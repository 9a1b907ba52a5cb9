"""Masked error and relational distillation against slow loops."""

import torch

from skelf.losses.distillation import relational
from skelf.losses.reconstruction import masked_error


def test_masked_error_by_loop():
    g = torch.Generator().manual_seed(0)
    predicted, target = torch.randn(2, 4, 3, 5, generator=g).unbind()
    mask = torch.rand(4, 1, 5, generator=g) < 0.5
    total, count = 0.0, 0
    for a in range(4):
        for b in range(3):
            for c in range(5):
                if mask[a, 0, c]:
                    total += float((predicted[a, b, c] - target[a, b, c]) ** 2)
                    count += 1
    assert 0 < count < 60
    torch.testing.assert_close(masked_error(predicted, target, mask), torch.tensor(total / count))
    assert masked_error(predicted, target, torch.zeros_like(mask)) == 0


def test_masked_error_passes_gradient_to_masked_entries_only():
    predicted = torch.randn(3, 4, requires_grad=True)
    mask = torch.tensor([True, False, True, False])
    masked_error(predicted, torch.zeros(3, 4), mask).backward()
    torch.testing.assert_close(predicted.grad[:, mask], predicted.detach()[:, mask] / 3)
    assert not predicted.grad[:, ~mask].any()


def test_masked_error_of_half_precision_is_float32():
    predicted = torch.full((4,), 1.0, dtype=torch.bfloat16)
    value = masked_error(predicted, torch.full((4,), 1.001), torch.ones(4, dtype=torch.bool))
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, torch.tensor(1e-6), rtol=1e-3, atol=0)


def test_relational_by_loop():
    student, teacher = torch.randn(2, 3, 7).tanh().unbind()
    expected = 0.0
    for n in range(3):
        p, q = (teacher[n] / 0.05).softmax(0), (student[n] / 0.1).softmax(0)
        expected += float(sum(p[i] * (p[i].log() - q[i].log()) for i in range(7))) / 3
    assert abs(float(relational(student, teacher)) - expected) < 1e-4
    torch.testing.assert_close(
        relational(2 * teacher, teacher), torch.tensor(0.0), rtol=0, atol=1e-6
    )


def test_relational_cannot_underflow_and_spares_the_teacher():
    student, teacher = (torch.tensor([[1.0, -1.0]], requires_grad=True) for _ in range(2))
    value = relational(-100 * student, 100 * teacher)
    assert value.isfinite() and value > 0
    value.backward()
    assert teacher.grad is None and student.grad.any()
