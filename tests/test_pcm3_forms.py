"""PCM3: prompts, guidance, switches, streams, layouts, settings."""

import copy
import math
import re
from pathlib import Path

import pytest
import torch
from layout_cases import CASES
from pcm3_small import FRAMES, batch, clips, pcm3, shake
from torch import nn

from skelf.augment.pcm3_views import PCM3Views, Views
from skelf.encoders import ENCODERS
from skelf.encoders.dste import DSTE
from skelf.encoders.gru import GRU
from skelf.errors import InputError
from skelf.layouts import KINECT20, NTU25, SBU15
from skelf.methods import METHODS
from skelf.methods.pcm3 import PCM3
from skelf.settings.run import resolve
from skelf.skeleton import Skeleton
from skelf.streams import STREAMS

DOCS = (Path(__file__).parents[1] / "docs/pcm3.md").read_text()


def test_domain_prompts_act_only_after_the_norm():
    official, after = (shake(pcm3(prompts=p).double()) for p in ("official", "after_norm"))
    for method, acts in ((official, False), (after, True)):
        views = [
            v.double() if v is not None and v.is_floating_point() else v for v in batch(method)
        ]
        other = copy.deepcopy(method)
        with torch.no_grad():
            for name in ("intra", "mask", "predict", "mix", "reconstruct"):
                other.prompts[name] += torch.linspace(-1, 1, other.prompts[name].numel()).view_as(
                    other.prompts[name]
                )
        losses = [float(m(*views)["loss"].detach()) for m in (method, other)]
        assert (abs(losses[0] - losses[1]) > 1e-3) == acts
        method(*views)["loss"].backward()
        sizes = {name: float(p.grad.abs().max()) for name, p in method.prompts.items()}
        assert sizes.pop("contrast") > 1e-6
        assert all((size > 1e-7) == acts for size in sizes.values())


@pytest.mark.parametrize("guidance", [True, False])
def test_the_predicted_view_reaches_the_decoder_but_not_the_masked_pass(guidance):
    method = shake(pcm3(guidance=guidance))
    states, decode = [], method.decode
    method.decode = lambda d, e, offsets: states.append(e) or decode(d, e, offsets)
    terms = method(*batch(method))
    part = terms["nce_predict"] + terms["kl_predict"]
    to_states, to_decoder = torch.autograd.grad(
        part, (states[0], method.decoder.out.weight), retain_graph=True, allow_unused=True
    )
    assert not to_states.any()
    assert (to_decoder is not None) == guidance
    assert torch.autograd.grad(terms["reconstruction"], states[0])[0].any()


BASE = {"mix": False, "mask": False, "predict": False, "lam_m": 0.0}
ABLATIONS = [
    (BASE, {"nce_intra", "kl_intra"}),
    (BASE | {"mix": True}, {"nce_intra", "kl_intra", "nce_mix", "kl_mix"}),
    (BASE | {"mask": True}, {"nce_intra", "kl_intra", "nce_mask", "kl_mask"}),
    (BASE | {"lam_m": 40.0}, {"nce_intra", "kl_intra", "reconstruction"}),
    (
        BASE | {"lam_m": 40.0, "predict": True},
        {"nce_intra", "kl_intra", "nce_predict", "kl_predict", "reconstruction"},
    ),
    (BASE | {"clip": True, "lam_kl": 0.0}, {"nce_intra", "nce_clip"}),
    (
        {"refine": True, "clip": True},
        {f"kl_{n}" for n in ("intra", "mask", "clip", "predict", "mix")},
    ),
]


@pytest.mark.parametrize("switches, terms", ABLATIONS)
def test_switches_and_every_parameter_has_a_gradient(switches, terms):
    method = pcm3(**switches)
    found = method(*batch(method))
    assert found.keys() == {"loss", *terms}
    torch.testing.assert_close(found["loss"], sum(found[name] for name in terms))
    found["loss"].backward()
    for name, parameter in method.named_parameters():
        assert parameter.requires_grad == (parameter.grad is not None), name
        frozen = name.startswith("key.") or (method.refine and "decoder." in name)
        assert parameter.requires_grad != (frozen or (method.refine and "reconstruct" in name)), (
            name
        )


@pytest.mark.parametrize("form", ["official", "paper"])
@pytest.mark.parametrize("stream", STREAMS)
def test_forms_of_the_streams(form, stream):
    method = pcm3(sizes={"stream": stream}, form=form)
    bare = form == "official" and stream != "joint"
    assert method.prompting == (
        "none" if bare else "official" if form == "official" else "after_norm"
    )
    assert method.guidance != bare
    terms = method(*batch(method))
    assert any(name.startswith("kl_") for name in terms) != bare
    assert len(method.prompts) == (0 if bare else 6)


@pytest.mark.parametrize("persons", [1, 2])
@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("skeleton", CASES)
def test_every_layout(skeleton, persons, channels):
    sizes = {"persons": persons, "in_channels": channels, "dim": 8, "layers": 1}
    method = pcm3(skeleton, sizes, clip=True)
    views = batch(method)
    shape = (6, channels, FRAMES, skeleton.joints, persons)
    for view in (views.query, views.key, views.mixed, views.plain, views.clip):
        assert view.shape == shape
    terms = method(*views)
    assert all(value.isfinite() for value in terms.values())
    again = batch(method)
    assert all(torch.equal(a, b) for a, b in zip(views, again, strict=True))
    assert not torch.equal(batch(method, 3).query, views.query)


def test_clip_is_cut_from_the_key_view():
    method = pcm3(views=PCM3Views(clip=0.3), clip=True)
    views = batch(method)
    for view, key in zip(views.clip, views.key, strict=True):
        frames = view.abs().sum(dim=(0, 2, 3)).nonzero().flatten().tolist()
        assert len(frames) <= 5 and frames == list(range(frames[0], frames[0] + len(frames)))
        assert torch.equal(view[:, frames], key[:, frames])


def test_a_confidence_channel_is_left_alone_by_shears():
    method = pcm3(KINECT20, {"in_channels": 3, "confidence": True})
    x, lengths = clips(method)
    x[:, 2] = 1.0
    views = method.views(x, lengths, torch.Generator().manual_seed(2))
    assert torch.equal(views.plain[:, 2], torch.ones_like(views.plain[:, 2]))
    assert method(*views)["loss"].isfinite()


def test_longest_reads_only_the_first_frames():
    method = pcm3(views=PCM3Views(longest=20))
    x, lengths = clips(method)
    changed = x.clone()
    changed[:, :, 20:] = 7.0
    made = [method.views(v, lengths, torch.Generator().manual_seed(2)).query for v in (x, changed)]
    assert torch.equal(*made)


def test_loss_falls_for_fixed_keys():
    method = pcm3(queue=64)
    method.key.eval()
    views, losses = batch(method), []
    optimiser = torch.optim.Adam(method.parameters(), lr=5e-3)
    for _ in range(12):
        terms = method(*views)
        optimiser.zero_grad()
        terms["loss"].backward()
        optimiser.step()
        losses.append(terms["loss"].item())
    assert math.isfinite(losses[-1]) and losses[-1] < 0.8 * losses[0]
    assert int(method.key.queue.pointer) == 0


def test_half_precision_keeps_losses_in_float32():
    method = pcm3(clip=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = method(*batch(method))
    assert all(v.dtype == torch.float32 and v.isfinite() for v in terms.values())
    assert method.key.queue.waiting[0].dtype == torch.float32
    full = pcm3(clip=True)
    torch.testing.assert_close(terms["loss"], full(*batch(full))["loss"], rtol=0.05, atol=0.05)
    terms["loss"].backward()


def test_initial_weights():
    method = pcm3(NTU25, {"dim": 64})
    gru = method.encoder.layers[1][0]
    for weight, bound in (
        (gru.weight_ih_l0, math.sqrt(6 / (192 + 128))),
        (gru.weight_hh_l0, math.sqrt(6 / (192 + 64))),
        (method.projector[2].weight, math.sqrt(6 / (128 + 6))),
        (method.projector[0].weight, math.sqrt(1 / 128)),
        (method.prompts["intra"], math.sqrt(6 / 300)),
        (gru.bias_ih_l0, math.sqrt(1 / 64)),
    ):
        assert 0.9 * bound < float(weight.detach().abs().max()) <= bound
    assert method.prompts["contrast"].shape == (1, 16)
    for query, key in (
        (method.encoder, method.key.encoder),
        (method.projector, method.key.projector),
    ):
        pairs = zip(query.parameters(), key.parameters(), strict=True)
        assert all(torch.equal(q, k) for q, k in pairs)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"recurrent encoder \(gru\), not DSTE; give encoder.name"):
        PCM3(DSTE(SBU15, dim=16, frames=8))
    one = Skeleton(("a",), (-1,), (), {"body": (0,)}, 0)
    with pytest.raises(ValueError, match="has one joint; pcm3 mixes and masks"):
        PCM3(GRU(one, dim=8))
    with pytest.raises(ValueError, match="lam_m=0: without a decoder"):
        pcm3(lam_m=0)
    with pytest.raises(ValueError, match="lam_kl=0: refine trains by distillation alone"):
        pcm3(refine=True, lam_kl=0)
    with pytest.raises(ValueError, match="unknown form 'x'; known: official, paper"):
        pcm3(form="x")
    with pytest.raises(ValueError, match="unknown prompts 'x'"):
        pcm3(prompts="x")


def test_refine_on_official_motion_distils():
    method = pcm3(sizes={"stream": "motion"}, refine=True)
    assert method.lam_kl == 1 and not method.guidance
    assert set(method(*batch(method))) == {
        "loss",
        *(f"kl_{n}" for n in ("intra", "mask", "predict", "mix")),
    }


def test_views_fit_forward():
    method = pcm3()
    assert isinstance(batch(method), Views)
    assert isinstance(method.projector, nn.Sequential)


# ---- settings ----


@pytest.mark.parametrize(
    "wrong",
    [
        "method.queue=0 method.feature=0 method.momentum=2 method.temperature=0 method.lam_m=-1",
        "method.student_temperature=0 method.teacher_temperature=0 method.lam_kl=-1",
        "method.decoder=0 method.prompts=x method.form=x views.crop=[0,1] views.longest=0",
        "views.corruption=2 views.joints=2 views.erase=-1 views.shear=-1 views.clip=0",
        "views.mix_kinds=[-1,0,0] views.mix_span=[0.5,0.2] views.mix_parts=[0,1]",
        "views.mask_ratio=0 views.mask_segment=0 encoder.dim=0 encoder.layers=0 encoder.frames=0",
    ],
)
def test_numbers_out_of_range_are_one_line_that_names_them(wrong):
    for override in wrong.split():
        with pytest.raises(InputError) as caught:
            resolve("pcm3", methods=METHODS, encoders=ENCODERS, overrides=[override])
        key = re.escape(override.partition("=")[0])
        assert re.fullmatch(
            rf"override {re.escape(repr(override))}: {key}.*, got .+", str(caught.value)
        )


def test_documented_settings_exist():
    resolved = resolve("pcm3", methods=METHODS, encoders=ENCODERS).to_dict()
    assert resolved["encoder"]["name"] == "gru" and resolved["train"]["lr"] == 0.02
    names = re.findall(r"`((?:encoder|views|method)\.\w+)[`=]", DOCS.split("## Where")[0])
    assert len(names) > 20
    for name in names:
        section, _, key = name.partition(".")
        assert key in resolved[section], name


def test_documented_ablations():
    rows = re.findall(r"^\| (.+?) \| `(method\..+?)` \|$", DOCS.split("## Ablations")[1], re.M)
    terms = {
        "contrast alone": {"intra"},
        "+ mixed view": {"intra", "mix"},
        "+ masked motion modelling": {"intra", "mix", "reconstruction"},
        "+ masked view as a positive": {"intra", "mix", "mask", "reconstruction"},
        "+ predicted view": {"intra", "mix", "mask", "predict", "reconstruction"},
        "+ clip contrast": {"intra", "mix", "mask", "predict", "clip", "reconstruction"},
    }
    assert [row for row, _ in rows[:6]] == list(terms)
    for row, settings in rows[:6]:
        config = resolve("pcm3", methods=METHODS, encoders=ENCODERS, overrides=settings.split())
        method = pcm3(
            **{k: v for k, v in config.arguments.items() if k not in ("queue", "feature")}
        )
        found = {name.rpartition("_")[2] for name in method(*batch(method))} - {"loss"}
        assert found == terms[row], row
        assert method.guidance == (row == "+ clip contrast")
