"""PCM3: one step against a slow reference that is written from sources P1 to P10.

The reference steps frame by frame, branch by branch, on tensors by their released names.
"""

import copy

import pytest
import torch
from pcm3_small import FRAMES, clips, pcm3, shake
from torch.nn import functional as F

from skelf.augment.pcm3_views import Views, draw_views
from skelf.methods import OFFICIAL
from skelf.methods._pcm3_prompts import USES
from skelf.streams import derive


class Slow:
    """One step of sources P3 to P10 on flattened clips `(N, T, V*C*M)`."""

    def __init__(self, state, prompts):
        self.state, self.prompts, self.norms = state, prompts, []

    def gru(self, x, prefix, depth, end=""):
        """One direction of one layer, a frame at a time; both directions move forward."""
        w_ih, w_hh, b_ih, b_hh = (
            self.state[f"{prefix}{kind}_l{depth}{end}"]
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h, rows = x.new_zeros(len(x), w_hh.shape[1]), []
        for t in range(x.shape[1]):
            r_i, z_i, n_i = (x[:, t] @ w_ih.T + b_ih).chunk(3, dim=1)
            r_h, z_h, n_h = (h @ w_hh.T + b_hh).chunk(3, dim=1)
            r, z = torch.sigmoid(r_i + r_h), torch.sigmoid(z_i + z_h)
            h = (1 - z) * torch.tanh(n_i + r * n_h) + z * h
            rows.append(h)
        return torch.stack(rows, dim=1)

    def norm(self, x, name):
        mean, variance = x.mean(dim=(0, 1)), x.var(dim=(0, 1), unbiased=False)
        self.norms.append((name, mean.detach(), x.detach().var(dim=(0, 1))))
        x = (x - mean) / (variance + 1e-5).sqrt()
        return x * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]

    def encode(self, x, prompt, side="encoder_q"):
        """All states."""
        if self.prompts == "official":
            x = x + self.state[f"{prompt}_prompt"]
        x = self.norm(x, f"{side}.input_norm")
        if self.prompts == "after_norm":
            x = x + self.state[f"{prompt}_prompt"]
        for depth in range(2):
            prefix = f"{side}.encoder.gru."
            x = torch.cat([self.gru(x, prefix, depth, end) for end in ("", "_reverse")], dim=2)
        return x

    def place(self, name, offset):
        """The task prompt's two halves at the same offset of the two directions."""
        full, prompt = torch.zeros(32).double(), self.state[name][0]
        if self.prompts == "none":
            return full
        half = len(prompt) // 2
        full[offset : offset + half] = prompt[:half]
        full[16 + offset : 16 + offset + half] = prompt[half:]
        return full

    def linear(self, x, name):
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def project(self, h, offset, side="encoder_q"):
        h = self.linear(h + self.place("cl_prompt", offset), f"{side}.fc.0").relu()
        return F.normalize(self.linear(h, f"{side}.fc.2"), dim=1)

    def decode(self, e, prompt):
        if self.prompts == "after_norm":
            y = self.norm(self.linear(e, "linear.0"), "linear.1")
            y = y + self.state["linear.0.weight"] @ prompt
        else:
            y = self.norm(self.linear(e + prompt, "linear.0"), "linear.1")
        y = self.linear(y.relu(), "linear.3")
        for depth in range(2):
            y = self.gru(y, "recons_decoder.decoder.", depth)
        return self.linear(y, "recons_decoder.reconstruction")

    def pair(self, name, q, k, queue):
        """InfoNCE and distillation, a clip at a time."""
        nce, kl = [], []
        for query, key in zip(q, k, strict=True):
            own, others = (query @ key).exp(), queue @ query
            own = (query @ key / 0.07).exp()
            nce.append(-(own / (own + (others / 0.07).exp().sum())).log())
            p, s = (queue @ key / 0.05).softmax(0), (others / 0.1).softmax(0)
            kl.append((p * (p / s).log()).sum())
        return {f"nce_{name}": torch.stack(nce).mean(), f"kl_{name}": torch.stack(kl).mean()}

    def step(self, drawn, offsets, clip, guided):
        """Terms; a separate encoder call for each view, in the released order."""
        o = dict(zip(USES, offsets.tolist(), strict=True))
        v1, v2, v3 = drawn.query, drawn.key, drawn.plain
        mixed, partner, share = slow_mix(v1, *drawn.mix)
        visible = v3.clone()
        visible[..., 0] *= ~drawn.mask[:, :, None].permute(2, 0, 1)
        hidden = torch.zeros_like(v3, dtype=torch.bool)
        hidden[..., 0] = drawn.mask
        queries = {"intra": self.project(self.encode(flat(v1), "base")[:, -1], o["intra"])}
        e = self.encode(flat(visible), "mask")
        queries["mask"] = self.project(e[:, -1], o["mask"])
        if clip:
            cut = torch.zeros_like(v2)
            for n, start in enumerate(drawn.start.tolist()):
                window = slice(start, start + drawn.length)
                cut[n, :, window] = v2[n, :, window]
            queries["clip"] = self.project(self.encode(flat(cut), "base")[:, -1], o["clip"])
        mp = self.place("mp_prompt", o["reconstruct"])
        predicted = self.decode(e, mp)
        again = self.decode(e.detach(), mp.detach()) if guided else predicted.detach()
        filled = torch.where(flat(hidden), again, flat(visible))
        queries["predict"] = self.project(self.encode(filled, "recons")[:, -1], o["predict"])
        queries["mix"] = self.project(self.encode(flat(mixed), "mix")[:, -1], o["mix"])
        with torch.no_grad():
            for name in self.state:
                if name.startswith("encoder_k.") and "norm.running" not in name:
                    ours = self.state[name.replace("encoder_k", "encoder_q")]
                    if ours.is_floating_point() and not name.endswith("tracked"):
                        self.state[name] = 0.9 * self.state[name] + 0.1 * ours
            h = self.encode(flat(v2), "base", "encoder_k")[:, -1]
            k = self.project(h, o["key"], "encoder_k")
            kc = F.normalize(k * (1 - share) + k[partner] * share, dim=1)
        terms, queue = {}, self.state["queue"].T
        for name, q in queries.items():
            terms |= self.pair(name, q, kc if name == "mix" else k, queue)
        error = (predicted - flat(v3)).square()[flat(hidden)]
        terms["reconstruction"] = 40 * error.sum() / flat(hidden).sum()
        return terms, k


def flat(x):
    return x.permute(0, 2, 3, 1, 4).flatten(2)


def slow_mix(x, partner, source, weight):
    out = x.clone()
    for n, other in enumerate(partner.tolist()):
        for t in range(x.shape[2]):
            for v in range(x.shape[3]):
                w, value = weight[t, v], x[other, :, int(source[t]), v]
                out[n, :, t, v] = (1 - w) * x[n, :, t, v] + w * value
    return out, partner, weight.mean().double()


def drawn_twice(method):
    """The same draws, once as the method's views and once as they were drawn; in double."""
    x, lengths = clips(method)
    views = method.views(x, lengths, torch.Generator().manual_seed(2))
    drawn = draw_views(
        x, lengths, torch.Generator().manual_seed(2), FRAMES, method.encoder.skeleton
    )
    e = method.encoder
    for view, joints in zip((views.query, views.key, views.plain), drawn[:3], strict=True):
        assert torch.equal(view, derive(joints, e.stream, e.skeleton))
    views = Views(*(v.double() if v is not None and v.is_floating_point() else v for v in views))
    return views, drawn._replace(query=views.query, key=views.key, plain=views.plain)


CASES = [
    ({}, {}, True),
    ({"clip": True}, {}, True),
    ({"prompts": "after_norm"}, {}, True),
    ({"prompts": "none", "guidance": False}, {}, False),
    ({"lam_kl": 1.0}, {"stream": "bone"}, False),
    ({"form": "paper", "clip": True}, {"stream": "motion", "persons": 1}, True),
]


@pytest.mark.parametrize("arguments, sizes, guided", CASES)
def test_one_step_is_the_slow_reference(arguments, sizes, guided):
    method = shake(pcm3(sizes=sizes, **arguments).double())
    views, drawn = drawn_twice(method)
    mixed, _, share = slow_mix(drawn.query, *drawn.mix)
    torch.testing.assert_close(views.mixed, mixed, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(views.share, share.expand(6))
    views = views._replace(mixed=mixed, share=share.expand(6))
    state = {k: v.clone() for k, v in OFFICIAL["pcm3"].save(method).items()}
    leaves = {k for k, v in state.items() if v.is_floating_point() and trained(k)}
    for name in leaves:
        state[name].requires_grad_()
    slow = Slow(dict(state), method.prompting)
    expected, keys = slow.step(drawn, views.offsets, method.clip, guided)
    torch.stack(list(expected.values())).sum().backward()
    terms = method(*views)
    terms["loss"].backward()
    found = {name: float(value.detach()) for name, value in terms.items()}
    assert found.pop("loss") == pytest.approx(sum(found.values()))
    assert found == pytest.approx({k: float(v.detach()) for k, v in expected.items()}, rel=1e-9)
    # Gradients, under the released names.
    gradients = copy.deepcopy(method)
    with torch.no_grad():
        for into, parameter in zip(gradients.parameters(), method.parameters(), strict=True):
            into.copy_(torch.zeros_like(into) if parameter.grad is None else parameter.grad)
    for name, value in OFFICIAL["pcm3"].save(gradients).items():
        if name in leaves and state[name].grad is not None:
            torch.testing.assert_close(
                value,
                state[name].grad,
                rtol=1e-6,
                atol=1e-9,
                msg=lambda text, n=name: f"{n} {text}",
            )
    check_buffers(method, state, slow, keys)


def trained(name):
    return "running" not in name and not name.startswith(("encoder_k.", "queue"))


def check_buffers(method, before, slow, keys):
    """Running statistics view by view, the key side, the queue."""
    method.after_step()
    after = OFFICIAL["pcm3"].save(method)
    for norm in {name for name, *_ in slow.norms}:
        mean, variance = before[f"{norm}.running_mean"], before[f"{norm}.running_var"]
        for name, m, v in slow.norms:
            if name == norm:
                mean, variance = 0.9 * mean + 0.1 * m, 0.9 * variance + 0.1 * v
        torch.testing.assert_close(after[f"{norm}.running_mean"], mean)
        torch.testing.assert_close(after[f"{norm}.running_var"], variance)
    for name, value in slow.state.items():
        if name.startswith("encoder_k.") and "running" not in name and "tracked" not in name:
            torch.testing.assert_close(after[name], value)
    torch.testing.assert_close(after["queue"][:, :6], keys.T)
    assert torch.equal(after["queue"][:, 6:], before["queue"][:, 6:])
    assert int(after["queue_ptr"]) == 6


def test_the_first_person_alone_is_masked():
    method = pcm3()
    views, drawn = drawn_twice(method)
    assert torch.equal(views.mask[..., 0], drawn.mask) and not views.mask[..., 1].any()
