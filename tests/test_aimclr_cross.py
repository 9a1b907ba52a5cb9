"""AimCLR with cross-stream mining against a slow reference written from its docstring."""

import pytest
import torch

from skelf.encoders.dste import DSTE
from skelf.encoders.stgcn import STGCN
from skelf.errors import InputError
from skelf.layouts import SBU15
from skelf.methods.aimclr import AimCLR
from skelf.methods.aimclr_cross import AimCLRCross

STREAMS = ("joint", "motion", "bone")


def encoder(**arguments):
    torch.manual_seed(0)
    sizes = {"dim": 12, "width": 8, "frames": 8, "persons": 1, "dropout": 0.0} | arguments
    return STGCN(SBU15, **sizes)


def method(**arguments):
    given = {"queue": 24, "feature": 6, "mining_epoch": 1} | arguments
    return AimCLRCross(encoder(), **given).double()


def batch(made, count=6):
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(count, 3, 20, 15, 1, generator=generator)
    return [view.double() for view in made.views(x, torch.full((count,), 20), generator)]


def slow_loss(cosines, mining, topk, context, form, temperature=0.07):
    """The loss of every clip by loops over streams, partners, views and keys."""
    terms = {}
    for own, views in cosines.items():
        clips = []
        for n in range(len(views["normal"])):
            logits = {name: view[n] / temperature for name, view in views.items()}
            teacher = logits["normal"].detach().softmax(0)
            halves = [
                -sum(p * q.log() for p, q in zip(teacher, view.softmax(0), strict=True))
                for name, view in logits.items()
                if name != "normal"
            ]
            total = sum(halves) / len(halves)
            if not mining:
                clips.append(total - logits["normal"].softmax(0)[0].log())
                continue
            partners = []
            for other in cosines:
                if other == own:
                    continue
                near = {0}
                for view in [*views.values(), *cosines[other].values()]:
                    order = view[n, 1:].argsort(descending=True)
                    near |= {1 + int(k) for k in order[:topk]}
                compared = logits["normal"]
                if context:
                    products = views["normal"][n, 1:] * cosines[other]["normal"][n, 1:]
                    compared = torch.cat([compared, products / temperature])
                    near |= {k + views["normal"].shape[1] - 1 for k in near if k}
                p = compared.softmax(0)[sorted(near)]
                partners.append(-p.sum().log() if form == "paper" else -p.log().mean())
            clips.append(total + sum(partners) / len(partners))
        terms[own] = torch.stack(clips).mean()
    return terms


@pytest.mark.parametrize("streams", [("joint", "bone"), STREAMS])
@pytest.mark.parametrize("form", ["official", "paper"])
@pytest.mark.parametrize(("eadm", "context", "topk"), [(True, True, 1), (False, False, 3)])
@pytest.mark.parametrize("epoch", [0, 1])
def test_the_loss_and_its_gradient_are_those_of_the_loops(
    streams, form, eadm, context, topk, epoch
):
    made = method(streams=streams, form=form, eadm=eadm, context=context, topk=topk).eval()
    made.start_epoch(epoch)
    views = batch(made)
    terms = made(*views)
    expected = slow_loss(made.contrast(*views), epoch == 1, topk, context, form)
    assert set(terms) == {"loss", *streams}
    for name in streams:
        torch.testing.assert_close(terms[name], expected[name])
    total = sum(expected.values())
    torch.testing.assert_close(terms["loss"], total)
    trained = [p for p in made.parameters() if p.requires_grad]
    for found, wanted in zip(
        torch.autograd.grad(terms["loss"], trained),
        torch.autograd.grad(total, trained),
        strict=True,
    ):
        torch.testing.assert_close(found, wanted)


def test_until_mining_each_stream_is_an_aimclr():
    made = method().eval()
    views = batch(made)
    terms = made(*views)
    for name, query in {"joint": made.encoder, **made.encoders}.items():
        alone = AimCLR(query, queue=24, feature=6).double().eval()
        alone.projector.load_state_dict(made.projectors[name].state_dict())
        alone.key.load_state_dict(made.keys[name].state_dict())
        torch.testing.assert_close(alone(*views)["loss"], terms[name])


def test_every_stream_learns_follows_and_fills_its_own_queue():
    made = method(momentum=0.5)
    made.start_epoch(1)
    before = {name: value.clone() for name, value in made.state_dict().items()}
    made(*batch(made))["loss"].backward()
    made.after_step()
    now = made.state_dict()
    for name in STREAMS:
        follower = f"keys.{name}.encoder.blocks.0.temporal.weight"
        assert not torch.equal(before[follower], now[follower])
        assert int(now[f"keys.{name}.queue.pointer"]) == 6
        fresh = now[f"keys.{name}.queue.keys"][:6]
        assert not torch.equal(before[f"keys.{name}.queue.keys"][:6], fresh)
    assert len({made.keys[s].queue.keys[:6].sum().item() for s in STREAMS}) == 3
    moving = [p for name, p in made.named_parameters() if not name.startswith("keys.")]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in moving if p.dim() > 1)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="joint first"):
        method(streams=("motion", "joint"))
    with pytest.raises(ValueError, match="aimclr_cross derives its streams itself"):
        AimCLRCross(encoder(stream="bone"))
    with pytest.raises(InputError, match="unknown stream"):
        method(streams=("joint", "skin"))
    with pytest.raises(ValueError, match="topk=25"):
        method(topk=25)
    with pytest.raises(ValueError, match="eadm=false"):
        AimCLRCross(DSTE(SBU15, dim=16, frames=8), queue=24)
