"""AimCLR and SkeletonCLR: the released numbers (sources C22), forms, ablations, layouts, views."""

import pytest
import torch
from released_steps import check_gradients, check_state, close, restored, tensors
from torch import nn

from skelf.augment.aimclr_views import AimCLRViews, NormalView
from skelf.augment.skeletonclr import SkeletonCLRViews
from skelf.encoders.dste import DSTE
from skelf.encoders.stgcn import STGCN
from skelf.errors import InputError
from skelf.layouts import KINECT20, NTU25, SBU15
from skelf.losses.contrastive import attention_drop, distribution_matching, nearest_positives, nnm
from skelf.methods import METHODS, OFFICIAL
from skelf.methods.aimclr import AimCLR
from skelf.methods.skeletonclr import SkeletonCLR

NAMES = ("skeletonclr", "aimclr")


def step(method, *views):
    """Logits, terms; gradients stay at the parameters."""
    seen = []
    contrast = method.contrast
    method.contrast = lambda *x: seen.append(contrast(*x)) or seen[0]
    terms = method(*views)
    del method.contrast
    terms["loss"].backward()
    method.after_step()
    return seen[0], {name: value.detach() for name, value in terms.items()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_skeletonclr_reproduces_the_released_step(golden, dtype):
    file = golden("skeletonclr")
    method = restored(file, "skeletonclr", dtype)
    logits, terms = step(method, *tensors(file, dtype, "x_query", "x_key"))
    close(logits, file["logits"], "logits")
    close(terms["loss"], file["loss"], "loss")
    check_state(method, file, "skeletonclr")
    if dtype == torch.float64:
        check_gradients(method, file, "skeletonclr")


def on_the_recorded_side(encoder):
    """Nudges the one unit of the extreme view that float32's rounding put on the other side.

    Before the ReLU of block 8 it is -3.7e-7; the recorded gradients are those of a positive one.
    """
    calls = []

    def nudge(module, args, out):
        calls.append(out)
        if len(calls) == 2:  # the extreme view comes second
            out = out.clone()
            out[1, 4, 4, 4] += 1e-6
        return out

    encoder.blocks[8].norm2.register_forward_hook(nudge)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("stage, topk", [(1, 1), (2, 1), (2, 3)])
def test_aimclr_reproduces_the_released_step(golden, stage, topk, dtype):
    file = golden(f"aimclr_stage{stage}_top{topk}")
    method = restored(file, "aimclr", dtype)
    method.key.queue.pointer.fill_(int(file["ptr_before"]))
    method.topk = topk
    if dtype == torch.float64:
        on_the_recorded_side(method.encoder)
    method.start_epoch(150 if stage == 2 else 149)
    logits, terms = step(method, *tensors(file, dtype, "x_extreme", "x_query", "x_key"))
    close(logits["normal"], file["logits"], "logits")
    for view, name in (("normal", "p_soft"), ("extreme", "p_ext"), ("dropped", "p_drop")):
        close(logits[view].softmax(1), file[name], name)
        if view != "normal":
            half = file["loss_d1" if view == "extreme" else "loss_d2"]
            close(distribution_matching(logits[view], logits["normal"]), half, view)
    close(terms["mining" if stage == 2 else "info_nce"], file["loss_main"], "main")
    close(terms["matching"], (file["loss_d1"] + file["loss_d2"]) / 2, "matching")
    close(terms["loss"], file["loss"], "loss")
    if stage == 2:
        positives = nearest_positives(list(logits.values()), topk)
        assert torch.equal(positives, torch.from_numpy(file["target"]).bool())
    check_state(method, file, "aimclr")
    if dtype == torch.float64:
        check_gradients(method, file, "aimclr")


@torch.no_grad()
def test_encoder_and_eadm_reproduce_the_released_maps(golden):
    file = golden("encoder_eval")
    state = {k[3:]: torch.from_numpy(v) for k, v in file.items() if k.startswith("sd/")}
    method = OFFICIAL["aimclr"].load(state, NTU25).eval()
    normalize = nn.functional.normalize
    x_q, x_e = tensors(file, torch.float32, "x_q", "x_e")
    z = normalize(method.projector(method.encoder(x_q)))
    close(z, normalize(torch.from_numpy(file["z_q_eval"])), "z")
    maps = method.encoder.maps(x_e)
    close(maps, file["eadm_in"], "maps")
    close(attention_drop(torch.from_numpy(file["eadm_in"])), file["eadm_out"], "dropped")


# ---- what no recording says ----


def encoder(skeleton=SBU15, **arguments):
    torch.manual_seed(0)
    sizes = {"dim": 12, "width": 8, "frames": 8, "persons": 1, "dropout": 0.0} | arguments
    return STGCN(skeleton, **sizes)


def aimclr(**arguments):
    return AimCLR(encoder(), **{"queue": 24, "feature": 6} | arguments)


def clips(count=6, joints=15, persons=1, channels=3):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, channels, 20, joints, persons, generator=generator)
    return x, torch.randint(5, 21, (count,), generator=generator)


def batch(method):
    return method.views(*clips(), torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", NAMES)
def test_paper_size(name):
    method = METHODS[name](STGCN(NTU25), queue=8)
    counts = [
        sum(p.numel() for p in module.parameters())
        for module in (method.encoder, method.projector, method)
    ]
    assert counts == [821_380, 98_688, 1_840_136]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["official", "paper"])
def test_key_encoder_starts_apart_or_as_a_copy(name, form):
    method = METHODS[name](encoder(), queue=8, form=form)
    same = [
        torch.equal(q, k)
        for query, key in (
            (method.encoder, method.key.encoder),
            (method.projector, method.key.projector),
        )
        for (n, q), k in zip(query.named_parameters(), key.parameters(), strict=True)
        if n.endswith("weight")
    ]
    assert all(same) if form == "paper" else not any(same)
    assert not any(p.requires_grad for p in method.key.parameters())


ABLATIONS = [
    ({}, {"info_nce", "matching"}),
    ({"eadm": False}, {"info_nce", "matching"}),
    ({"extreme": False}, {"info_nce"}),
    ({"mining_epoch": 0}, {"mining", "matching"}),
    ({"mining_epoch": 0, "nnm": False}, {"info_nce", "matching"}),
    ({"mining_epoch": 0, "topk": 4, "form": "paper"}, {"mining", "matching"}),
]


@pytest.mark.parametrize("switches, terms", ABLATIONS)
def test_terms_and_the_loss_as_their_sum(switches, terms):
    method = aimclr(**switches)
    found = method(*batch(method))
    assert found.keys() == {"loss", *terms}
    torch.testing.assert_close(found["loss"], sum(found[name] for name in terms))


@torch.no_grad()
def test_without_extreme_views_it_is_skeletonclr():
    method = aimclr(extreme=False).eval()
    same = SkeletonCLR(encoder(), queue=24, feature=6).eval()
    same.load_state_dict(method.state_dict())
    views = batch(method)
    assert torch.equal(method(*views)["loss"], same(*views[1:])["loss"])


@torch.no_grad()
@pytest.mark.parametrize("form", ["official", "paper"])
def test_form_reaches_every_part(form):
    method = aimclr(form=form, mining_epoch=0, topk=3).eval()
    views = batch(method)
    logits, terms = method.contrast(*views), method(*views)
    positives = nearest_positives(list(logits.values()), 3)
    torch.testing.assert_close(terms["mining"], nnm(logits["normal"], positives, form))
    maps = method.encoder.maps(views[0])
    z = method.projector(method.encoder.pool(attention_drop(maps, form=form)))
    z = nn.functional.normalize(z, dim=1)
    torch.testing.assert_close(
        logits["dropped"][:, 1:], z @ method.key.queue.keys.T / 0.07, rtol=1e-4, atol=1e-4
    )
    assert method.view_options == AimCLRViews(form=form)


def test_mining_starts_with_its_epoch():
    method = aimclr(mining_epoch=3)
    stages = []
    for epoch in range(5):
        method.start_epoch(epoch)
        stages.append(method.mining)
    assert stages == [False, False, False, True, True]


@pytest.mark.parametrize("name", NAMES)
def test_loss_falls_for_fixed_keys(name):
    # While keys move and fill the queue the loss of a tiny batch rises, as it does in the first
    # released epochs (sources C18).
    method = METHODS[name](encoder(), queue=64, feature=6)
    method.key.eval()
    views, losses = batch(method), []
    optimiser = torch.optim.Adam(method.parameters(), lr=1e-2)
    for _ in range(10):
        terms = method(*views)
        optimiser.zero_grad()
        terms["loss"].backward()
        optimiser.step()
        method.after_step()
        losses.append(terms["loss"].item())
    assert torch.tensor(losses).isfinite().all()
    assert losses[-1] < 0.8 * losses[0]
    assert int(method.key.queue.pointer) == 0


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_keeps_losses_in_float32(name):
    method = METHODS[name](encoder(), queue=24, feature=6)
    views = batch(method)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = method(*views)
    assert all(v.dtype == torch.float32 and v.isfinite() for v in terms.values())
    assert method.key.queue.waiting[0].dtype == torch.float32
    terms["loss"].backward()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [2, 3])
def test_views(name, channels):
    method = METHODS[name](encoder(KINECT20, in_channels=channels, persons=2), queue=8)
    x, lengths = clips(5, 20, 2, channels)
    made = method.views(x, lengths, torch.Generator().manual_seed(3))
    assert len(made) == {"aimclr": 3, "skeletonclr": 2}[name]
    assert all(view.shape == (5, channels, 8, 20, 2) for view in made)
    assert not torch.equal(made[-1], made[-2])
    again = method.views(x, lengths, torch.Generator().manual_seed(3))
    assert all(torch.equal(a, b) for a, b in zip(made, again, strict=True))
    assert method(*made)["loss"].isfinite()


def test_skeletonclr_on_extreme_views():
    still = NormalView(shear=0.0)
    methods = [
        SkeletonCLR(encoder(), SkeletonCLRViews(extreme=e, normal=still)) for e in (False, True)
    ]
    normal, extreme = (m.views(*clips(), torch.Generator().manual_seed(3))[0] for m in methods)
    assert not torch.equal(normal, extreme)


def test_any_encoder_serves_without_eadm():
    made = DSTE(SBU15, dim=16, frames=8, persons=1)
    method = AimCLR(made, queue=24, feature=6, eadm=False)
    assert method(*batch(method))["loss"].isfinite()
    with pytest.raises(ValueError, match=r"maps \(stgcn\), not DSTE; give method.eadm=false"):
        AimCLR(made)


@pytest.mark.parametrize("arguments", [{"topk": 0}, {"topk": 25}, {"queue": 0}, {"momentum": 1.1}])
def test_numbers_out_of_range(arguments):
    with pytest.raises(ValueError, match=f"{next(iter(arguments))}="):
        aimclr(**arguments)
    with pytest.raises(ValueError, match="unknown form 'x'; known: official, paper"):
        aimclr(form="x")


# ---- the released layout ----


def released(name="aimclr", **sizes):
    made = encoder(NTU25, frames=50, persons=2, **sizes)
    return OFFICIAL[name].save(METHODS[name](made, queue=8, feature=6))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sizes", [{}, {"in_channels": 2, "edge_importance": False}])
def test_released_layout_round_trip(name, sizes):
    state = released(name, **sizes)
    method = OFFICIAL[name].load(state, NTU25)
    assert isinstance(method, METHODS[name])
    assert method.encoder.in_channels == sizes.get("in_channels", 3)
    again = OFFICIAL[name].save(method)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[key], value) for key, value in state.items())
    assert state["queue"].shape == (6, 8) and state["queue_ptr"].shape == (1,)


@pytest.mark.parametrize(
    "key",
    [
        "queue",
        "encoder_q.data_bn.weight",
        "encoder_q.st_gcn_networks.9.tcn.2.weight",
        "encoder_k.fc.2.bias",
    ],
)
def test_released_layout_with_a_missing_tensor(key):
    state = released()
    del state[key]
    with pytest.raises(InputError, match=r"file\.pt: .*missing"):
        OFFICIAL["aimclr"].load(state, NTU25, "file.pt")


def test_released_layout_with_wrong_tensors():
    state, load = released(), OFFICIAL["aimclr"].load
    with pytest.raises(InputError, match=r"unknown \['fc\.weight'\]"):
        load(state | {"fc.weight": torch.zeros(3)}, NTU25)
    with pytest.raises(InputError, match="75 inputs a frame are not 3 coordinates of the 20 joint"):
        load(state, KINECT20)
    with pytest.raises(InputError, match=r"encoder_k\.A is not the graph of layout 'ntu25'"):
        load(state | {"encoder_k.A": state["encoder_k.A"].flip(1)}, NTU25)
    with pytest.raises(InputError, match=r"do not fit together.*edge_importance\.3"):
        load(state | {"encoder_q.edge_importance.3": torch.zeros(3)}, NTU25)
    with pytest.raises(InputError, match="holds one stream; not a checkpoint of CrosSCLR"):
        OFFICIAL["crossclr"].load(state, NTU25)
    with pytest.raises(InputError, match=r"is ST-GCN's; this encoder is DSTE"):
        OFFICIAL["aimclr"].save(AimCLR(DSTE(SBU15, dim=16, frames=8), queue=8, eadm=False))
