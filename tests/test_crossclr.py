"""CrosSCLR: the released numbers (sources C22), streams, shared heads, who follows when, layout."""

import pytest
import torch
from released_steps import check_gradients, check_state, close, restored, tensors

from skelf.encoders.dste import DSTE
from skelf.encoders.stgcn import STGCN
from skelf.errors import InputError
from skelf.layouts import NTU25, SBU15
from skelf.losses.contrastive import cross_stream, nnm
from skelf.methods import OFFICIAL
from skelf.methods.crossclr import CrosSCLR
from skelf.streams import derive

INITIALS = {"joint": "j", "motion": "m", "bone": "b"}
TWO = ("joint", "motion")
DTYPES = [torch.float32, torch.float64]


def recorded(golden, name, dtype, epoch, context=True):
    """The file, the method after its step, its cosines and its terms."""
    file = golden(name)
    method = restored(file, "crossclr", dtype)
    method.context = context
    method.start_epoch(epoch)
    seen = {}
    contrast = method.contrast
    method.contrast = lambda *x: seen.update(contrast(*x)) or seen
    terms = method(*tensors(file, dtype, "x_query", "x_key"))
    del method.contrast
    terms["loss"].backward()
    method.after_step()
    for stream, letter in INITIALS.items():
        close(terms[stream], file[f"loss_{letter}"], stream)
    close(terms["loss"], file["loss"], "loss")
    check_state(method, file, "crossclr")
    if dtype == torch.float64:
        check_gradients(method, file, "crossclr")
    return file, seen


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_released_step_of_stage_1(golden, dtype):
    file, cosines = recorded(golden, "crossclr3_stage1", dtype, 149)
    for stream, letter in INITIALS.items():
        close(cosines[stream] / 0.07, file[f"logits_{letter}"], stream)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("context", [False, True])
def test_the_released_step_of_stage_2(golden, dtype, context):
    name = f"crossclr3_stage2_ctx{int(context)}"
    file, cosines = recorded(golden, name, dtype, 150, context)
    for own, s in INITIALS.items():
        for other, o in INITIALS.items():
            if own != other:
                found, positives = cross_stream(cosines[own], cosines[other], 1, context)
                close(found / 0.07, file[f"logits_{s}{o}"], own + other)
                assert torch.equal(positives, torch.from_numpy(file[f"mask_{s}{o}"]).bool())


# ---- what no recording says ----


def encoder(**arguments):
    torch.manual_seed(0)
    sizes = {"dim": 12, "width": 8, "frames": 8, "persons": 1, "dropout": 0.0} | arguments
    return STGCN(SBU15, **sizes)


def crossclr(**arguments):
    return CrosSCLR(encoder(), **{"queue": 24, "feature": 6} | arguments)


def batch(method, count=6):
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(count, 3, 20, 15, 1, generator=generator)
    return method.views(x, torch.full((count,), 20), generator)


def test_paper_size():
    for streams, whole in ((3, 5_388_824), (2, 2 * (2 * 821_380 + 98_688 + 65_792))):
        method = CrosSCLR(STGCN(NTU25), streams=tuple(INITIALS)[:streams], queue=8)
        assert sum(p.numel() for p in method.parameters()) == whole


@torch.no_grad()
def test_each_encoder_derives_its_own_stream():
    method = crossclr().eval()
    query, key = batch(method)
    cosines = method.contrast(query, key)
    found = {"joint": method.encoder, **method.encoders}
    assert [(name, e.stream) for name, e in found.items()] == [(n, n) for n in INITIALS]
    assert [e.stream for e in method.encoders_k.values()] == list(INITIALS)
    weights = [e.blocks[0].temporal.weight for e in found.values()]
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])
    for name in INITIALS:  # as a joint encoder on the stream itself
        found[name].stream = "joint"
        h = found[name](derive(query, name, SBU15))
        h = h if name == "joint" else method.heads[name](h).relu()
        z = torch.nn.functional.normalize(method.projector(h), dim=1)
        expected = z @ method.queues[name].keys.T
        torch.testing.assert_close(cosines[name][:, 1:], expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def moved(method, epoch):
    """Key-side parameter -> the share of the way to the query side that one step moves it."""
    method.start_epoch(epoch)
    before = {name: p.clone() for name, p in method.named_parameters()}
    method(*batch(method))
    shares = {}
    for name, now in method.named_parameters():
        if "_k." in name:
            was = before[name]
            query = name.replace("encoders_k.joint", "encoder").replace("_k.", ".")
            way = before[query] - was
            if way.abs().max() > 1e-3:
                shares[name] = float(((now - was) * way).sum() / way.square().sum())
    return shares


@pytest.mark.parametrize("streams", [TWO, tuple(INITIALS)])
@pytest.mark.parametrize("form", ["official", "paper"])
@pytest.mark.parametrize("epoch", [149, 150])
def test_who_follows(form, epoch, streams):
    method = crossclr(form="official", streams=streams, momentum=0.9)
    method.form = form
    shares = moved(method, epoch)
    only_second = form == "official" and epoch == 150
    times = 1 if form == "paper" or only_second else len(streams)
    for name, share in shares.items():
        if name.startswith("projector_k."):
            expected = 1 - 0.9**times
        else:
            expected = 0.0 if only_second and ".motion." not in name else 0.1
        assert share == pytest.approx(expected, abs=1e-3), name
    groups = {".".join(name.split(".")[:2]) for name in shares}
    assert groups >= {f"encoders_k.{name}" for name in streams} | {"heads_k.motion"}


@torch.no_grad()
@pytest.mark.parametrize("streams", [TWO, tuple(INITIALS)])
def test_crossed_loss_is_the_mean_over_partners(streams):
    method = crossclr(streams=streams, topk=3, cross_epoch=0).eval()
    views = batch(method)
    cosines, terms = method.contrast(*views), method(*views)
    total = 0.0
    for own in streams:
        partners = [other for other in streams if other != own]
        losses = []
        for other in partners:
            c, positives = cross_stream(cosines[own], cosines[other], 3, True)
            losses.append(nnm(c / 0.07, positives))
        expected = sum(losses) / len(partners)
        torch.testing.assert_close(terms[own], expected)
        total += expected
    torch.testing.assert_close(terms["loss"], total)


@pytest.mark.parametrize("cross_epoch", [0, 150])
def test_gradients_and_queues(cross_epoch):
    method = crossclr(cross_epoch=cross_epoch)
    for _ in range(2):
        terms = method(*batch(method))
        terms["loss"].backward()
        method.after_step()
    for name, parameter in method.named_parameters():
        assert ("_k." in name) == (parameter.grad is None), name
    assert [int(queue.pointer) for queue in method.queues.values()] == [12, 12, 12]
    assert {name for name, _ in method.named_parameters()}.isdisjoint({"encoders.joint"})


def test_any_encoder_serves():
    method = CrosSCLR(DSTE(SBU15, dim=16, frames=8, persons=1), queue=24, feature=6)
    assert method(*batch(method))["loss"].isfinite()


def test_wrong_streams():
    with pytest.raises(InputError, match="unknown stream 'bones': did you mean 'bone'"):
        crossclr(streams=("joint", "bones"))
    for streams in (("joint",), ("motion", "bone"), ("joint", "joint")):
        with pytest.raises(ValueError, match="joint first, then one or two others"):
            crossclr(streams=streams)
    with pytest.raises(ValueError, match="use stream joint, not 'bone'"):
        CrosSCLR(encoder(stream="bone"))
    with pytest.raises(ValueError, match="topk=25"):
        crossclr(topk=25)
    with pytest.raises(ValueError, match=r"momentum=-1"):
        crossclr(momentum=-1)
    with pytest.raises(ValueError, match="unknown form 'x'"):
        crossclr(form="x")


@pytest.mark.parametrize("streams", [TWO, tuple(INITIALS)])
def test_released_layout_round_trip(streams):
    torch.manual_seed(0)
    made = CrosSCLR(STGCN(NTU25, dim=12, width=8), streams=streams, queue=8, feature=6)
    state = OFFICIAL["crossclr"].save(made)
    shared = state["encoder_q.fc.2.weight"]
    assert torch.equal(state["encoder_q_motion.fc.2.2.weight"], shared)
    assert ("queue_ptr_bone" in state) == ("bone" in streams)
    loaded = OFFICIAL["crossclr"].load(state, NTU25)
    assert loaded.streams == streams
    again = OFFICIAL["crossclr"].save(loaded)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[key], value) for key, value in state.items())
    with pytest.raises(InputError, match="holds several streams; not a checkpoint of AimCLR"):
        OFFICIAL["aimclr"].load(state, NTU25)
