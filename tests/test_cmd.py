"""CMD: one step against a loop, neighbours, streams with weights of their own, bad settings."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from skelf.augment.cmd import CMDViews, draw_views
from skelf.encoders.gru import GRU
from skelf.encoders.sttr import STTR
from skelf.errors import InputError
from skelf.layouts import SBU15
from skelf.losses.distillation import neighbouring, relational
from skelf.methods.cmd import CMD

STREAMS = ("joint", "motion", "bone")


def cmd(**arguments) -> CMD:
    torch.manual_seed(0)
    encoder = GRU(SBU15, dim=6, layers=2, frames=8, persons=1)
    return CMD(encoder, **{"queue": 12, "feature": 5, "topk": 4, "momentum": 0.9} | arguments)


def batch(method: CMD, count: int = 6) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(count, 3, 20, 15, 1, generator=generator)
    return method.views(x, torch.full((count,), 20), generator)


def stream_by_hand(x: Tensor, name: str) -> Tensor:
    if name == "joint":
        return x
    out = torch.zeros_like(x)
    if name == "motion":
        out[:, :, :-1] = x[:, :, 1:] - x[:, :, :-1]
        return out
    for joint, parent in enumerate(SBU15.bones):
        out[:, :, :, joint] = x[:, :, :, joint] - x[:, :, :, parent]
    return out


def plain(encoder: GRU) -> GRU:
    """The same weights, no stream of its own."""
    same = copy.copy(encoder)
    same.stream = "joint"
    return same


def slow_step(method: CMD, query: Tensor, key: Tensor) -> dict[str, Tensor]:
    """Loss terms, clip by clip and key by key (sources K3)."""
    q, k, queue = {}, {}, {}
    for name, encoder in {"joint": method.encoder, **method.encoders}.items():
        side = copy.deepcopy(method.keys[name])
        pairs = [(side.encoder, encoder), (side.projector, method.projectors[name])]
        for module, followed in pairs:
            for mine, other in zip(module.parameters(), followed.parameters(), strict=True):
                mine.data = 0.9 * mine.data + 0.1 * other.data
        z = method.projectors[name](plain(encoder)(stream_by_hand(query, name)))
        q[name] = z / z.norm(dim=1, keepdim=True)
        z = side.projector(plain(side.encoder)(stream_by_hand(key, name))).detach()
        k[name] = z / z.norm(dim=1, keepdim=True)
        queue[name] = side.queue.keys
    terms = {}
    for name in q:
        losses = []
        for i in range(len(query)):
            logits = [q[name][i] @ k[name][i] / 0.07]
            logits += [q[name][i] @ row / 0.07 for row in queue[name]]
            losses.append(-logits[0] + torch.stack(logits).exp().sum().log())
        terms[name] = sum(losses) / len(losses)
    distillation = torch.zeros((), dtype=query.dtype)
    for teacher in q:
        for student in q:
            if student == teacher:
                continue
            for i in range(len(query)):
                near = [float(k[teacher][i] @ row) for row in queue[teacher]]
                places = sorted(range(len(near)), key=lambda j: -near[j])[: method.topk]
                whole = sum(math.exp(near[j] / 0.05) for j in places)
                own = {j: q[student][i] @ queue[student][j] / 0.1 for j in places}
                total = torch.stack([c.exp() for c in own.values()]).sum().log()
                for j in places:
                    p = math.exp(near[j] / 0.05) / whole
                    distillation = distillation + p * (math.log(p) - (own[j] - total)) / len(query)
    return terms | {"distillation": distillation}


def test_a_step_is_that_of_a_loop():
    method = cmd().double()
    for side in method.keys.values():  # so that following moves it
        for parameter in side.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    views = [view.double() for view in batch(method)]
    reference = copy.deepcopy(method)
    expected = slow_step(reference, *views)
    sum(expected.values()).backward()
    terms = method(*views)
    terms["loss"].backward()
    assert terms.keys() == {"loss", *expected}
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, msg=name)
    torch.testing.assert_close(terms["loss"], sum(expected.values()))
    named = dict(reference.named_parameters())
    for name, parameter in method.named_parameters():
        if name.startswith("keys."):
            assert parameter.grad is None
        else:
            torch.testing.assert_close(parameter.grad, named[name].grad, msg=name)


def test_queues_hold_the_same_clips_at_the_same_places():
    method = cmd()
    for _ in range(3):
        method(*batch(method))
        method.after_step()
    sides = method.keys.values()
    assert [int(side.queue.pointer) for side in sides] == [18 % 12] * 3
    query, key = batch(method)
    method.eval()
    k = {n: F.normalize(s.projector(s.encoder(key)), dim=1) for n, s in method.keys.items()}
    for name, (_, teachers) in zip(STREAMS, [method.relations(query, key)] * 3, strict=True):
        torch.testing.assert_close(teachers[name], k[name] @ method.keys[name].queue.keys.T)


def test_each_stream_starts_with_weights_of_its_own_and_its_key_side_with_the_same():
    method = cmd()
    encoders = [method.encoder, *method.encoders.values()]
    assert tuple(encoder.stream for encoder in encoders) == STREAMS
    weights = [encoder.layers[0][0].weight_hh_l0 for encoder in encoders]
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])
    for encoder in encoders:
        assert torch.equal(encoder.norm.weight, torch.ones_like(encoder.norm.weight))
        for name, side in method.keys.items():
            if name == encoder.stream:
                pairs = zip(encoder.parameters(), side.encoder.parameters(), strict=True)
                assert all(torch.equal(a, b) for a, b in pairs)


def test_a_gru_draws_itself_anew_as_it_was_made():
    torch.manual_seed(0)
    gru = GRU(SBU15, dim=64, layers=1)
    before = {name: value.clone() for name, value in gru.state_dict().items()}
    gru(torch.randn(3, 3, 64, 15, 2))
    gru.norm.weight.data.fill_(7)
    gru.draw()
    for name, value in gru.state_dict().items():
        if name.startswith("norm."):
            assert torch.equal(value, before[name]), name
        else:
            assert not torch.equal(value, before[name]), name
            assert value.std() == pytest.approx(float(before[name].std()), rel=0.15), name


def test_neighbouring():
    torch.manual_seed(0)
    students = [torch.randn(4, 9, requires_grad=True) for _ in range(2)]
    teacher = torch.randn(4, 9, requires_grad=True)
    whole = neighbouring(students, teacher, 9)
    torch.testing.assert_close(whole, sum(relational(s, teacher) for s in students))
    assert neighbouring([teacher], teacher, 3, 0.1, 0.1).item() == pytest.approx(0, abs=1e-6)
    near = neighbouring(students, teacher, 3)
    near.backward()
    assert teacher.grad is None
    kept = torch.zeros(4, 9).scatter_(1, teacher.topk(3, dim=1).indices, 1.0).bool()
    for student in students:  # what the teacher does not find near does not count
        assert torch.equal(student.grad != 0, kept)


def test_the_first_frames_of_long_clips_are_read():
    x = torch.arange(20.0).view(1, 1, 20, 1, 1).expand(2, 3, 20, 15, 1)
    for longest, largest in ((None, 19), (12, 11)):
        how = CMDViews(longest=longest, crop=(1.0, 1.0))
        seed = torch.Generator().manual_seed(0)
        how = CMDViews(longest=longest, distortion=type(how.distortion)(corruption=0.0, shear=0.0))
        views = draw_views(x, torch.tensor([20, 20]), seed, 40, how)
        assert len(views) == 2
        assert max(float(view.max()) for view in views) == largest


def test_without_weight_streams_learn_alone():
    alone, views = cmd(weight=0.0), batch(cmd())
    terms = alone(*views)
    assert set(terms) == {"loss", *STREAMS}
    two = cmd(streams=("joint", "bone"))(*views)
    assert set(two) == {"loss", "joint", "bone", "distillation"} and two["distillation"] > 0


def test_any_encoder_serves_and_half_of_the_queue_are_neighbours():
    method = CMD(STTR(SBU15, dim=8, frames=8, persons=1), queue=9, feature=6)
    assert method.topk == 4
    method(*batch(method))["loss"].backward()
    assert all(e.stream == name for name, e in method.encoders.items())


def test_bad_settings():
    for topk in (0, 13):
        with pytest.raises(ValueError, match=f"topk={topk}: must be from 1 to queue=12"):
            cmd(topk=topk)
    with pytest.raises(InputError, match="unknown stream 'bones'"):
        cmd(streams=("joint", "bones"))
    with pytest.raises(ValueError, match="cmd derives its streams itself"):
        CMD(GRU(SBU15, dim=4, frames=8, stream="bone"))
    with pytest.raises(ValueError, match="momentum=2"):
        cmd(momentum=2.0)
