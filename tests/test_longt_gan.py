"""LongT GAN: each network's gradient against its own objective, what is hidden, the critic."""

import pytest
import torch

from skelf.augment.longt_gan import LongTGANViews, draw_views
from skelf.encoders import ENCODERS
from skelf.layouts import NTU25, SBU15
from skelf.methods.longt_gan import LongTGAN

FORMS = ("official", "paper")


def clips(count=3, frames=16):
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(count, 3, frames, 15, 1, generator=draw, dtype=torch.float64)
    x[:, :, :, 2] = 0  # a joint that is never there
    return x, torch.tensor([16, 11, 5][:count])


def made(form="official", **settings):
    torch.manual_seed(0)
    encoder = ENCODERS["gru"](SBU15, persons=1, dim=4, layers=1, frames=6, causal=False)
    return LongTGAN(encoder, critic=6, form=form, **settings).double()


def parts(method):
    """Weights of the encoder, the decoder and the critic."""
    encoder = [*method.encoder.parameters(), *method.represent.parameters()]
    decoder = [*method.decoder.parameters(), *method.out.parameters()]
    return encoder, decoder, list(method.critic.parameters())


def inpaint(method, start, clip, hidden):
    """What the decoder makes of one clip `(C, T, V)`, frame by frame: `(T, C*V)`."""
    states, given, made = [None, None], start, []
    for t in range(clip.shape[1] + 1):
        below = given
        for layer in range(2):
            names = [
                f"{kind}_l{layer}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]
            w_ih, w_hh, b_ih, b_hh = (getattr(method.decoder, name) for name in names)
            before = states[layer]
            before = torch.zeros_like(w_hh[0]) if before is None else before
            a, b = w_ih @ below + b_ih, w_hh @ before + b_hh
            (ar, az, an), (br, bz, bn) = a.chunk(3), b.chunk(3)
            z = (az + bz).sigmoid()
            states[layer] = below = (1 - z) * (an + (ar + br).sigmoid() * bn).tanh() + z * before
        if t:
            made.append(method.out.weight @ below + method.out.bias)
        if t < clip.shape[1]:
            frame = clip[:, t].clone()
            for v in range(15):
                if t and hidden[v]:
                    frame[: 2 if method.form == "official" else 3, v] = 0
            given = frame.flatten()
    return torch.stack(made)


def judge(method, sequence, clip):
    there = (clip != 0).any(dim=0).repeat(1, 3)  # (T, 3V)
    return method.critic((sequence * there)[:, None])[0]


@pytest.mark.parametrize("form", FORMS)
def test_each_network_has_the_gradient_of_its_own_objective(form):
    method = made(form, adversarial=0.25, noise=0.5)
    clip, hidden, noise = method.views(*clips(), torch.Generator().manual_seed(1))
    assert (noise is None) == (form == "official")
    terms = method(clip, hidden, None if noise is None else noise.double())
    vectors = method.represent(method.encoder(clip)).tanh()
    error = of_decoder = of_critic = 0.0
    for n in range(3):
        poses = clip[n, ..., 0]
        true = poses.permute(1, 0, 2).flatten(1)  # (T, 3V)
        given = inpaint(method, vectors[n], poses, hidden[n])
        there = (poses != 0).any(dim=0).repeat(1, 3)
        error = error + ((given - true).square() * there).sum(dim=1).mean() / 3
        d_true, d_fake = judge(method, true, poses), judge(method, given, poses)
        if form == "official":
            of_critic = of_critic + (d_fake - d_true) / 3
            of_decoder = of_decoder - d_fake / 3
        else:
            chance = inpaint(method, noise[n].double(), poses, hidden[n])
            d_chance = judge(method, chance, poses)
            betrayed = (1 - d_fake.sigmoid()).log() + 0.5 * (1 - d_chance.sigmoid()).log()
            of_critic = of_critic - (d_true.sigmoid().log() + betrayed) / 3
            of_decoder = of_decoder + betrayed / 3
    share = 0.75 if form == "official" else 1.0
    torch.testing.assert_close(terms["inpainting"], share * error)
    torch.testing.assert_close(terms["critic"], of_critic)
    torch.testing.assert_close(terms["loss"], share * error + of_critic)
    objectives = error, share * error + 0.25 * of_decoder, of_critic
    for weights, objective in zip(parts(method), objectives, strict=True):
        found = torch.autograd.grad(terms["loss"], weights, retain_graph=True)
        wanted = torch.autograd.grad(objective, weights, retain_graph=True)
        torch.testing.assert_close(found, wanted)


def test_without_a_critic_it_is_inpainting_alone():
    method = made(adversarial=0.0)
    clip, hidden, noise = method.views(*clips(), torch.Generator())
    terms = method(clip, hidden, noise)
    assert set(terms) == {"loss", "inpainting"} and method.critic is None
    method.after_step()


def test_the_critic_is_kept_small_in_the_official_form():
    for form in FORMS:
        method = made(form, bound=0.02)
        others = [p.detach().clone() for p in method.decoder.parameters()]
        method.after_step()
        largest = max(float(p.detach().abs().max()) for p in method.critic.parameters())
        assert (largest <= 0.02) == (form == "official")
        assert all(
            torch.equal(a, b) for a, b in zip(others, method.decoder.parameters(), strict=True)
        )


def test_hidden_parts():
    x, lengths = torch.randn(40, 3, 12, 25, 1), torch.full((40,), 12)
    draws = [
        draw_views(x, lengths, torch.Generator().manual_seed(seed), 8, NTU25, form="official")
        for seed in range(8)
    ]
    bodies = [list(joints) for joints in NTU25.parts.values()]
    for clip, hidden in draws:
        assert clip.shape[2] == 8 and (hidden == hidden[0]).all()
        assert (
            sorted(bool(hidden[0, joints].all()) for joints in bodies) == [False] * 2 + [True] * 3
        )
        assert all(hidden[0, joints].all() == hidden[0, joints].any() for joints in bodies)
    assert len({tuple(hidden[0].tolist()) for _, hidden in draws}) > 2
    _, hidden = draw_views(x, lengths, torch.Generator(), 8, NTU25, form="paper")
    counts = [sum(bool(row[joints].all()) for joints in bodies) for row in hidden]
    assert set(counts) == {1, 2, 3, 4, 5}
    _, hidden = draw_views(
        x, lengths, torch.Generator(), 8, NTU25, LongTGANViews(hidden=0.05), form="official"
    )
    assert hidden.any()  # one part at least


def test_the_first_frame_is_shown_whole():
    for form in FORMS:
        method = made(form)
        hidden = torch.ones(2, 15, dtype=torch.bool)
        covered = method.covered(torch.zeros(2, 3, 6, 15, 1), hidden).view(6, 2, 3, 15)
        assert not covered[0].any() and covered[1:, :, :2].all()
        assert covered[1:, :, 2].all() == (form == "paper")


def test_an_unknown_form():
    with pytest.raises(ValueError, match="unknown form 'wgan'"):
        made("wgan")
