"""USDRL: its loss from the equations, ablations, views, and the released layout's errors."""

import copy
from itertools import combinations

import pytest
import torch
from torch import nn

from skelf.augment.usdrl import Distortion, USDRLViews, draw_views
from skelf.encoders import ENCODERS
from skelf.encoders.dste import DSTE
from skelf.encoders.sttr import STTR
from skelf.errors import InputError
from skelf.layouts import KINECT20, NTU25, SBU15
from skelf.methods import usdrl_official
from skelf.methods.usdrl import USDRL, Projector
from skelf.settings.options import from_flat

TOKENS = ("dste", "sttr")  # what USDRL trains

WEIGHTS = {"similarity": 5.0, "variance": 5.0, "covariance": 1.0}
XC_WEIGHTS = {"invariance": 1e-3, "cross_correlation": 5e-6}


def method(encoder_class=DSTE, **arguments):
    torch.manual_seed(0)
    dste = {"drop_path": 0.0} if encoder_class is DSTE else {}
    return USDRL(encoder_class(SBU15, dim=16, frames=8, persons=1, **dste), **arguments)


def views(count=6, number=4):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, 3, 20, 15, 1, generator=generator)
    return draw_views(x, torch.full((count,), 20), generator, 8, USDRLViews(number=number))


def reference(z, form):
    """The terms of one domain with torch.cov and torch.corrcoef."""
    K, B, D = z.shape
    terms = dict.fromkeys((*WEIGHTS, *XC_WEIGHTS), 0.0)
    centre = z.mean(0) if form == "paper" else z[:3].mean(0)
    for a, view in enumerate(z):
        if form == "paper":
            terms["similarity"] += (view - centre).square().sum(1).sqrt().sum() / (K * B)
        elif a < 3:
            terms["similarity"] += nn.functional.mse_loss(view, centre)
            terms["similarity"] += nn.functional.mse_loss(view, z[3])
        cov = torch.cov(view.T)
        terms["variance"] += (1 - (cov.diagonal() + 1e-4).sqrt()).clamp_min(0).sum() / D
        terms["covariance"] += (cov - torch.diag(cov.diagonal())).square().sum() / D
    for a, b in combinations(range(K), 2):
        c = torch.corrcoef(torch.cat([z[a], z[b]], dim=1).T)[:D, D:] * (B - 1) / B
        miss = 1 - c.diagonal()
        invariance = 2 * miss.sum() / K if form == "paper" else miss.square().sum()
        terms["invariance"] += invariance
        terms["cross_correlation"] += (c - torch.diag(c.diagonal())).square().sum()
    return terms


@pytest.mark.parametrize("encoder_class", [DSTE, STTR])
@pytest.mark.parametrize("form", ["official", "paper"])
@pytest.mark.parametrize("tau", [0.5, 0.2])
def test_loss_is_the_weighted_sum_over_domains(encoder_class, form, tau):
    usdrl = method(encoder_class, form=form, tau=tau).eval()  # so that nothing moves between calls
    batch = views()
    with torch.no_grad():
        terms, projected = usdrl(*batch), usdrl.project(*batch)
    assert projected.keys() == {"instance", "temporal", "spatial"}
    expected = dict.fromkeys((*WEIGHTS, *XC_WEIGHTS), 0.0)
    for domain, z in projected.items():
        for name, value in reference(z.double(), form).items():
            scale = 1.0 if domain == "instance" else tau
            expected[name] += scale * (WEIGHTS | XC_WEIGHTS)[name] * float(value)
    assert terms.keys() == {"loss", *expected}
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(value, rel=1e-4), name
    assert float(terms["loss"]) == pytest.approx(sum(expected.values()), rel=1e-4)


@torch.no_grad()
def test_projections_are_of_pooled_tokens():
    usdrl, batch = method(projection=24).eval(), views()
    projected = usdrl.project(*batch)
    assert {name: tuple(z.shape) for name, z in projected.items()} == {
        "instance": (4, 6, 48),
        "temporal": (4, 6, 24),
        "spatial": (4, 6, 24),
    }
    for k, view in enumerate(batch):
        temporal, spatial = (part.amax(dim=1) for part in usdrl.encoder.tokens(view))
        inputs = {"temporal": temporal, "spatial": spatial, "instance": usdrl.encoder(view)}
        for name, y in inputs.items():
            expected = nn.Sequential.forward(usdrl.projectors[name], y)
            torch.testing.assert_close(projected[name][k], expected)


def test_weights_are_arguments():
    batch = views()
    plain = method()(*batch)
    scaled = method(kappa=1.0, mu=2.0, nu=3.0, eta=4.0, lam=5.0)(*batch)
    factors = {
        "similarity": 1 / 5,
        "variance": 2 / 5,
        "covariance": 3,
        "invariance": 4e3,
        "cross_correlation": 1e6,
    }
    for name, factor in factors.items():
        torch.testing.assert_close(scaled[name], plain[name] * factor)


ABLATIONS = [
    ({"vac": False}, {"similarity", *XC_WEIGHTS}),
    ({"xc": False}, set(WEIGHTS)),
    ({"vac": False, "xc": False}, {"similarity"}),
]


@pytest.mark.parametrize("switches, left", ABLATIONS)
def test_ablations_remove_their_terms_only(switches, left):
    batch = views()
    whole, part = method()(*batch), method(**switches)(*batch)
    assert part.keys() == {"loss", *left}
    for name in left:
        assert torch.equal(part[name], whole[name])
    torch.testing.assert_close(part["loss"], sum(part[name] for name in left))


def test_without_multi_grained_only_the_instance_domain_is_left():
    batch = views()
    single, whole = method(multi_grained=False), method()
    assert single.projectors.keys() == {"instance"}
    single.projectors.load_state_dict(
        {k: v for k, v in whole.projectors.state_dict().items() if k.startswith("instance.")}
    )
    whole.tau = 0.0
    for name, value in whole(*batch).items():
        torch.testing.assert_close(single(*batch)[name], value)


def test_batch_norm_sees_each_view_alone():
    torch.manual_seed(0)
    together = Projector(8, 16, 12)
    apart, y = copy.deepcopy(together), torch.randn(4, 6, 8) * torch.arange(1, 5)[:, None, None]
    expected = torch.stack([nn.Sequential.forward(apart, view) for view in y])
    torch.testing.assert_close(together(y), expected)
    for name, value in apart.state_dict().items():  # running statistics too
        torch.testing.assert_close(together.state_dict()[name], value)
    assert together[1].num_batches_tracked == 4


@pytest.mark.parametrize("encoder_class", [DSTE, STTR])
@pytest.mark.parametrize("form", ["official", "paper"])
def test_loss_falls(encoder_class, form):
    usdrl, batch = method(encoder_class, form=form), views(12)
    optimiser = torch.optim.Adam(usdrl.parameters(), lr=2e-3)
    losses = []
    for _ in range(10):
        terms = usdrl(*batch)
        optimiser.zero_grad()
        terms["loss"].backward()
        optimiser.step()
        usdrl.after_step()
        losses.append(terms["loss"].item())
    assert losses[-1] < 0.9 * losses[0]
    assert all(torch.tensor(losses).isfinite())


def test_gradients_reach_every_parameter():
    usdrl = method()
    usdrl(*views())["loss"].backward()
    for name, parameter in usdrl.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_half_precision_step():
    usdrl, batch = method(), views(16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = usdrl(*batch)
    assert all(value.dtype == torch.float32 for value in terms.values())
    assert terms["loss"].item() == pytest.approx(method()(*batch)["loss"].item(), rel=0.05)
    terms["loss"].backward()
    assert all(p.grad.isfinite().all() for p in usdrl.parameters())


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("arguments", [{}, {"number": 2, "crop": (0.5, 1.0), "joints": 0.3}])
def test_views(name, arguments):
    encoder = ENCODERS[name](KINECT20, dim=16, frames=8, in_channels=2, persons=2)
    views = from_flat(USDRLViews, arguments)
    usdrl = USDRL(encoder, views)
    x, lengths = torch.randn(5, 2, 30, 20, 2), torch.tensor([30, 1, 8, 9, 20])
    made = usdrl.views(x, lengths, torch.Generator().manual_seed(0))
    assert len(made) == arguments.get("number", 4)
    assert all(view.shape == (5, 2, 8, 20, 2) for view in made)
    direct = draw_views(x, lengths, torch.Generator().manual_seed(0), 8, views)
    assert all(torch.equal(a, b) for a, b in zip(made, direct, strict=True))
    assert usdrl(*made)["loss"].isfinite()


def test_default_views_are_the_official_recipe():
    usdrl = method()
    x, lengths = torch.randn(3, 3, 30, 15, 1), torch.tensor([30, 10, 20])
    generators = (torch.Generator().manual_seed(1) for _ in range(2))
    made = usdrl.views(x, lengths, next(generators))
    distortion = Distortion(corruption=0.5, joints=0.6, erase=0.5, shear=1)
    recipe = USDRLViews(number=4, crop=(0.1, 1.0), distortion=distortion)
    spelled = draw_views(x, lengths, next(generators), 8, recipe)
    assert all(torch.equal(a, b) for a, b in zip(made, spelled, strict=True))


def test_wrong_encoder_and_form():
    class Plain(nn.Module):
        dim, num_frames = 16, 8

    with pytest.raises(
        ValueError, match=r"temporal and spatial tokens \(dste, sttr, byname\), not Plain"
    ):
        USDRL(Plain())
    with pytest.raises(ValueError, match="unknown form 'x'; known: official, paper"):
        method(form="x")


def test_one_view_or_one_clip_is_too_few():
    usdrl = method().eval()
    with pytest.raises(ValueError, match="K >= 2, B >= 2"):
        usdrl(views()[0])
    with pytest.raises(ValueError, match="K >= 2, B >= 2"):
        usdrl(*views(count=1))


# ---- the released layout ----


def released(encoder_class=DSTE, **sizes):
    return usdrl_official.save(USDRL(encoder_class(NTU25, dim=16, frames=8, **sizes)))


@pytest.mark.parametrize("encoder_class", [DSTE, STTR])
@pytest.mark.parametrize("sizes", [{}, {"persons": 1, "in_channels": 2}])
def test_released_layout_tells_its_sizes(encoder_class, sizes):
    state = released(encoder_class, **sizes)
    loaded = usdrl_official.load(state, NTU25)
    assert type(loaded.encoder) is encoder_class
    found = (loaded.encoder.persons, loaded.encoder.in_channels, loaded.encoder.num_frames)
    assert found == (sizes.get("persons", 2), sizes.get("in_channels", 3), 8)


@pytest.mark.parametrize(
    "key",
    [
        "backbone.spe",
        "backbone.ske_emb.t_embedding.0.weight",
        "backbone.ske_emb.s_embedding.0.weight",
        "t_proj.6.weight",
        "backbone.t_tr.CA.norm1.weight",
    ],
)
def test_released_layout_with_a_missing_tensor(key):
    state = released()
    del state[key]
    with pytest.raises(InputError, match=r"file\.pt: .*missing"):
        usdrl_official.load(state, NTU25, "file.pt")


def test_released_layout_with_wrong_tensors():
    state = released()
    with pytest.raises(InputError, match=r"unknown tensor 'fc\.weight'"):
        usdrl_official.load(state | {"fc.weight": torch.zeros(3)}, NTU25)
    with pytest.raises(InputError, match="50 spatial tokens are no multiple of the 20 joints"):
        usdrl_official.load(state, KINECT20)
    cut = {"backbone.t_tr.CA.norm1.weight": torch.zeros(3)}
    with pytest.raises(InputError, match=r"do not fit together.*norm1\.weight"):
        usdrl_official.load(state | cut, NTU25)
    with pytest.raises(InputError, match=r"'backbone\.spe' is missing"):
        usdrl_official.load(state | {"backbone.spe": torch.zeros(3)}, NTU25)
    with pytest.raises(InputError, match="two layers a stream"):
        released(layers=3)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("backbone.ske_emb.t_embedding.0.weight", (8, 0)),
        ("backbone.ske_emb.t_embedding.0.weight", (16, 151)),
        ("backbone.ske_emb.s_embedding.0.weight", (16, 0)),
        ("backbone.ske_emb.s_embedding.0.weight", (16, 25)),
        ("backbone.spe", (1, 50, 0)),
        ("backbone.spe", (1, 0, 16)),
        ("t_proj.6.weight", (0, 16)),
    ],
)
def test_released_layout_of_no_sizes(key, shape):
    with pytest.raises(InputError, match=r"^file\.pt: .*(no sizes|no multiple)"):
        usdrl_official.load(released() | {key: torch.zeros(shape)}, NTU25, "file.pt")
