"""LongT GAN: a decoder inpaints a motion from its clip vector, and a critic judges the result.

Paper: Zheng et al., Unsupervised Representation Learning with Long-Term Dynamics for Skeleton Based
Action Recognition, AAAI 2018. Code: its authors' (no licence file); sources Q6, Q7.

The encoder reads the whole clip. The decoder reads what that gave, then the frames, of which some
body parts are hidden from the second one on: to give them it needs the encoder. A critic tells what
it gave from true motions. Three networks, three objectives: the encoder minimises the error alone,
the decoder the error and what betrays it, the critic how often it is wrong. One loss has these
gradients, by two passes of the decoder of which one does not reach the encoder, and by gradients
that turn round between critic and decoder.

| | official | paper |
|---|---|---|
| critic | Wasserstein's, its weights kept within ±0.01 | a classifier of true and made-up |
| decoder | `(1 - a)` of the error, `a` of the critic's | the error, and `a` of the critic's |
| hidden | three parts of five, alike in a batch; a third coordinate shows | any parts, whole |
| from noise | nothing | the critic sees what the decoder makes of it, weight 0.1 |
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from ..augment.longt_gan import LongTGANViews, draw_views
from ..contracts import Encoder, torch_module
from ..data.joints.parts import with_parts
from ..encoders._recurrence import recur
from ..losses.reconstruction import sequence_error
from ..machine.distributed import gather
from ..settings.ranges import Amount, Depth, Form, Positive, Rate, Size, check_form
from ._context import numbers, prediction_target, rows
from ._sync_norm import synchronize


class LongTGAN(nn.Module):
    """LongT GAN pretraining; any encoder, the authors' is gru with `causal=false`.

    Args:
        encoder: it reads the whole clip. What is judged is its clip vector; there the layer that
            leads from it to the decoder.
        views: which parts are hidden.
        adversarial: the critic's weight `a`, below 1 (paper: 0.1; released: 0.2, and 0, which is no
            critic, in the script); 0: no critic.
        noise: weight of what the decoder makes of noise (paper: 0.1), in form paper alone.
        decoder: width of the decoder. None: the encoder's `dim` (both have 800).
        critic: width of the critic, both directions together (paper: 200; released: 360).
        critic_layers: its layers (paper: 2; released: 3).
        bound: largest weight of the critic (released: 0.01), in form official alone.
        sync_bn: BatchNorm over the batch of all processes, so that several train as one.
        form: "official" or "paper", see above.

    differs: decoder and critic end in linear layers, and no dropout is between their layers; joints
    that are absent are neither predicted nor shown to the critic.

    Raises:
        ValueError: an unknown form.
    """

    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: LongTGANViews = LongTGANViews(),
        *,
        adversarial: Rate = 0.1,
        noise: Amount = 0.1,
        decoder: Size | None = None,
        critic: Size = 200,
        critic_layers: Depth = 2,
        bound: Positive = 0.01,
        sync_bn: bool = False,
        form: Form = "official",
    ) -> None:
        super().__init__()
        check_form(form)
        self.encoder, self.view_options, self.form = encoder, views, form
        self.bodies = with_parts(encoder.skeleton)  # parts of a layout that names none
        self.adversarial, self.bound = adversarial, bound
        self.noise = noise if form == "paper" and adversarial else 0.0
        features, width = numbers(encoder), decoder or encoder.dim
        self.represent = nn.Linear(encoder.dim, features)
        self.decoder = nn.GRU(features, width, 2)
        self.out = nn.Linear(width, features)
        self.critic = Critic(features, critic, critic_layers) if adversarial else None
        if sync_bn:
            synchronize(torch_module(self.encoder))

    def views(
        self, x: Tensor, lengths: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Padded clips `(N, C, T, V, M)`, joints to hide and, where it is used, noise."""
        encoder, noise = self.encoder, None
        drawn = draw_views(
            x, lengths, generator, encoder.num_frames, self.bodies, self.view_options,
            encoder.coordinates, self.form,
        )  # fmt: skip
        if self.noise:
            size = len(x), self.represent.out_features
            noise = torch.randn(size, generator=generator, device=x.device)
        return *drawn, noise

    def forward(self, clip: Tensor, hidden: Tensor, noise: Tensor | None) -> dict[str, Tensor]:
        """The loss, whose gradients are each network's own, and its terms.

        Returns:
            `inpainting` and `critic`, as far as they are used; `loss` is their sum.
        """
        target, there = prediction_target(clip, self.encoder)
        shown = target.masked_fill(self.covered(clip, hidden), 0.0)
        vectors = self.represent(self.encoder(clip)).tanh()
        share = 1 - self.adversarial if self.form == "official" else 1.0
        starts = [turned(vectors, 1 / share)]  # the encoder minimises the whole error
        if self.critic is not None:
            starts += [vectors.detach()] if noise is None else [vectors.detach(), noise]
        made = self.decode(starts, shown)
        error = gather(sequence_error(made[0], target, there, power=2)).mean()
        terms = {"inpainting": share * error}
        if self.critic is not None:
            true, fake, *more = (
                gather(self.critic(sequence * there))
                for sequence in (target, *(turned(m, -self.adversarial) for m in made[1:]))
            )
            terms["critic"] = self.judged(true, fake, *more)
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def covered(self, clip: Tensor, hidden: Tensor) -> Tensor:
        """Entries `(T, N, C*V*M)` that the decoder does not see: none in the first frame."""
        covered = hidden[:, None, None, :, None].repeat(
            1, self.encoder.coordinates, clip.shape[2], 1, clip.shape[4]
        )
        covered[:, :, 0] = False
        if self.form == "official":
            covered[:, 2:] = False
        return rows(covered)

    def decode(self, starts: list[Tensor], shown: Tensor) -> tuple[Tensor, ...]:
        """Sequences `(T, N, features)` of each start `(N, features)`, which stands before them."""
        count = len(starts)
        first = torch.cat(starts)[None].to(shown.dtype)
        states = recur(torch.cat([first, shown.repeat(1, count, 1)]), self.decoder)
        return self.out(states[1:]).chunk(count, dim=1)

    def judged(self, true: Tensor, fake: Tensor, chance: Tensor | None = None) -> Tensor:
        """What the critic minimises, of its answers `(B,)` to true and made-up motions."""
        if self.form == "official":
            return (fake - true).mean()
        loss = F.softplus(-true) + F.softplus(fake)
        return (loss if chance is None else loss + self.noise * F.softplus(chance)).mean()

    @torch.no_grad()
    def after_step(self) -> None:
        """Keeps the weights of Wasserstein's critic small."""
        if self.critic is not None and self.form == "official":
            for parameter in self.critic.parameters():
                parameter.clamp_(-self.bound, self.bound)


class Critic(nn.Module):
    """Bidirectional GRUs, then two linear layers: sequences `(T, N, features)` to `(N,)`."""

    def __init__(self, features: int, width: int, layers: int) -> None:
        super().__init__()
        half = max(width // 2, 1)
        self.gru = nn.GRU(features, half, layers, bidirectional=True)
        self.first, self.second = nn.Linear(2 * half, 2 * half), nn.Linear(2 * half, 1)

    def forward(self, sequence: Tensor) -> Tensor:
        """Large for what seems true, float32 at least."""
        _, states = self.gru(sequence)
        answer = self.second(self.first(torch.cat([states[-2], states[-1]], dim=1)).relu())
        return answer[:, 0].to(torch.promote_types(answer.dtype, torch.float32))


def turned(x: Tensor, factor: float) -> Tensor:
    """The same values; what comes back is multiplied by `factor`."""
    if not x.requires_grad:
        return x
    y = x.view_as(x)
    # torch leaves hooks untyped.
    y.register_hook(lambda gradient: gradient * factor)  # type: ignore[no-untyped-call]
    return y
