"""PCM3 and PCM3++: contrast over many views, joined with masked motion modelling; recurrent.

Papers: Zhang et al., Prompted Contrast with Masked Motion Modeling: Towards Versatile 3D Action
Representation Learning, ACM MM 2023; Zhang et al., Self-Supervised Skeleton-Based Action
Representation Learning: A Benchmark and Beyond, 2024 (PCM3++). Code: github.com/JHang2020/PCM3 (no
licence file), without PCM3++; its numbers are reproduced (sources P7 to P10, P14).

A query view, its mixture with another clip, a masked view and what a decoder predicts of
that are each contrasted with the key of another view, by InfoNCE and by distillation of the
relations to earlier clips. The gradient of the predicted view reaches the decoder ("semantic
guidance") but not the pass that encoded the masked view.

| | official | paper |
|---|---|---|
| motion and bone streams | no prompts, no guidance, no distillation | as joints |
| domain prompts | before the input BatchNorm, which takes them off again | after it |

PCM3++ was never released (sources P12, P13). Its clip contrast (`clip`): the clip is cut from the
key view and shares its spatial augmentation exactly; frames outside of it are 0, since the paper
masks them; its anchor is the key of the whole view, which is there already, so keys and queue are
shared and a step costs one more pass (the survey's Table 5 counts one more: 17.9 G for 15.0 G). It
has the prompt of the intra view. Its post-distillation (`refine`): a second training from given
weights by distillation alone ("single distillation objective"): no InfoNCE, no reconstruction; the
decoder, which nothing would hold to the skeleton any more, stays as it is and its predictions are
views without guidance.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from ..augment.pcm3 import mask_outside, mix
from ..augment.pcm3_views import PCM3Views, Views, draw_views
from ..contracts import Encoder
from ..data.joints.parts import with_parts
from ..losses.contrastive import info_nce
from ..losses.reconstruction import masked_error
from ..machine.distributed import gather
from ..settings.ranges import Amount, Form, Keys, Positive, Share, Size, check_form
from ..streams import derive
from ._momentum import KeyEncoder, embed, xavier_projector
from ._pcm3_decoder import Decoder
from ._pcm3_prompts import USES, Prompts, StateEncoder
from ._pcm3_relations import distil, relations
from ._sync_norm import synchronize


class PCM3(nn.Module):
    """PCM3 and PCM3++ pretraining on a recurrent encoder (gru).

    Args:
        encoder: the query encoder, see `StateEncoder`.
        views: how its views are drawn.
        queue: keys of earlier clips (16384).
        feature: length of a key (128).
        momentum: what stays of the key encoder at a step (0.999).
        temperature: of InfoNCE (0.07).
        student_temperature: of a query's relations (0.1).
        teacher_temperature: of a key's relations (0.05).
        lam_m: weight of the reconstruction (40); 0: no decoder.
        lam_kl: weight of the distillation (1). None: 0 for official motion and bone streams.
        decoder: width of neck and decoder. None: a quarter of the encoder's vector (512 of 2048).
        mix: the mixed view is a positive (ablation).
        mask: the masked view is a positive (ablation, the survey's Table 3).
        predict: the predicted view is a positive (ablation, Table 3); needs the decoder.
        guidance: its gradient reaches the decoder (ablation, Table 3). None: not for official
            motion and bone streams.
        clip: PCM3++'s clip contrast, see above.
        prompts: "official": domain prompts are added to the input and the decoder's to its input:
            BatchNorm takes both off again in training, so that only the contrast prompt acts.
            "after_norm": they are added after the BatchNorm. "none". None: official, none for
            official motion and bone streams, after_norm for form="paper". An encoder that is judged
            is given none.
        refine: PCM3++'s second stage, see above.
        sync_bn: BatchNorm over the batch of all processes, so that several train as one.
        form: "official" or "paper", see above.

    The numbers are the released configuration's (sources P10, P11).

    Raises:
        ValueError: an encoder without recurrent states, a layout of one joint, predictions
            without a decoder, nothing to train, or an unknown form or kind of prompts.
    """

    preparation = MappingProxyType({"ntu25": "agcn"})  # layout -> normalisation, sources D1
    second_stage = "refine"
    encoder: StateEncoder
    decoder: Decoder | None

    def __init__(
        self,
        encoder: StateEncoder,
        views: PCM3Views = PCM3Views(),
        *,
        queue: Keys = 16384,
        feature: Size = 128,
        momentum: Share = 0.999,
        temperature: Positive = 0.07,
        student_temperature: Positive = 0.1,
        teacher_temperature: Positive = 0.05,
        lam_m: Amount = 40.0,
        lam_kl: Amount | None = None,
        decoder: Size | None = None,
        mix: bool = True,
        mask: bool = True,
        predict: bool = True,
        guidance: bool | None = None,
        clip: bool = False,
        prompts: Literal["official", "after_norm", "none"] | None = None,
        refine: bool = False,
        sync_bn: bool = False,
        form: Form = "official",
    ) -> None:
        super().__init__()
        _check(encoder, form, prompts, predict, lam_m)
        self.encoder, self.view_options = encoder, views
        self.bodies = with_parts(encoder.skeleton)  # parts of a layout that names none
        self.whole_batches = form == "official"  # sources P11
        bare = form == "official" and self.encoder.stream != "joint"
        usual = "after_norm" if form == "paper" else "none" if bare else "official"
        self.prompting = usual if prompts is None else prompts
        self.mix, self.mask, self.predict, self.clip = mix, mask, predict, clip
        self.lam_m, self.refine, self.temperature = lam_m, refine, temperature
        self.lam_kl = (0.0 if bare else 1.0) if lam_kl is None else lam_kl
        self.temperatures = student_temperature, teacher_temperature
        self.guidance = (not bare if guidance is None else guidance) and predict
        self.projector = xavier_projector(self.encoder.dim, feature)
        self.key = KeyEncoder(encoder, self.projector, queue, feature, momentum, "paper")
        self.decoder = None
        if lam_m:
            width = decoder or max(self.encoder.dim // 4, 1)
            self.decoder = Decoder(self.encoder.dim, width, self.encoder.features)
        self.prompts = Prompts(self._prompt_names(), encoder)
        if refine:
            self._prepare_post_distillation(1.0 if lam_kl is None else lam_kl)
        if sync_bn:
            synchronize(self)

    def _prepare_post_distillation(self, lam_kl: float) -> None:
        """The decoder and its prompt stay as they are, and no view guides them."""
        if not lam_kl:
            raise ValueError("lam_kl=0: refine trains by distillation alone")
        self.lam_kl, self.guidance = lam_kl, False
        for name, parameter in self.named_parameters():
            if name.startswith("decoder.") or name == "prompts.reconstruct":
                parameter.requires_grad_(False)

    def _prompt_names(self) -> list[str]:
        if self.prompting == "none":
            return []
        decodes = self.decoder is not None
        used = {"intra": True, "mix": self.mix, "predict": self.predict, "contrast": True}
        used |= {"mask": self.mask or decodes, "reconstruct": decodes}
        return [name for name, needed in used.items() if needed]

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> Views:
        """Views of padded clips `(N, C, T, V, M)`, see `draw_views`, as the encoder's stream.

        Mixing and masking act on the stream, not on joints from which it would be derived
        (released).
        """
        encoder = self.encoder
        drawn = draw_views(
            x, lengths, generator, encoder.num_frames, self.bodies, self.view_options,
            encoder.coordinates,
        )  # fmt: skip
        query, key, plain = (
            derive(view, encoder.stream, encoder.skeleton, encoder.coordinates)
            for view in (drawn.query, drawn.key, drawn.plain)
        )
        limit = max(encoder.dim // 2 - encoder.dim // 16, 1)
        offsets = torch.randint(limit, (len(USES),), generator=generator, device=x.device)
        masked = self.mask or self.decoder is not None
        mask = drawn.mask.new_zeros(*drawn.mask.shape, encoder.persons)
        mask[..., 0] = drawn.mask
        return Views(
            query=query,
            key=key,
            mixed=mix(query, *drawn.mix) if self.mix else None,
            plain=plain if masked else None,
            mask=mask if masked else None,
            clip=mask_outside(key, drawn.start, drawn.length) if self.clip else None,
            partner=drawn.mix.partner if self.mix else None,
            share=drawn.mix.weight.mean().expand(len(x)) if self.mix else None,
            offsets=offsets,
        )

    # Any: fields of `Views`, each of its own type.
    def forward(self, *views: Any) -> dict[str, Tensor]:
        """The loss of the views and its weighted terms.

        Returns:
            `nce_<view>`, `kl_<view>` and `reconstruction`, as far as they are used; `loss` is their
            sum. Views are intra, mask, clip, predict and mix.
        """
        v = Views(*views)
        features, reconstruction = self.encode(v)
        queries = {
            name: embed(self.projector(h + self.prompts.task("contrast", name, v.offsets)))
            for name, h in features.items()
        }
        if self.refine:
            terms = self.post_distil(queries, self.keys(v))
        else:
            terms = self.contrast(queries, self.keys(v))
            if reconstruction is not None:
                terms["reconstruction"] = self.lam_m * reconstruction
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def encode(self, v: Views) -> tuple[dict[str, Tensor], Tensor | None]:
        """Features `(N, 2H)` of the query side's views, and the error of the reconstruction.

        Views that do not depend on each other pass the recurrence as one batch, each normalised by
        its own statistics; these enter the running ones in the released order, mixed view last.
        """
        encoder, batch = self.encoder, {"intra": self._normalised(v.query, "intra")}
        error = None
        if v.plain is not None and v.mask is not None:
            target = encoder.rows(v.plain)
            hidden = encoder.rows(v.mask.expand(1, v.plain.shape[1], *v.mask.shape))  # (T, 1, F)
            visible = target.masked_fill(hidden, 0.0)
            batch["mask"] = self._normalised(visible, "mask")
        if v.clip is not None:
            batch["clip"] = self._normalised(v.clip, "intra")
        states, batch = self._recur(batch), {}
        if self.decoder is not None:
            predicted, view = self.decode(self.decoder, states["mask"], v.offsets)
            error = masked_error(predicted, target, hidden)
            if self.predict:
                batch["predict"] = self._normalised(torch.where(hidden, view, visible), "predict")
        if v.mixed is not None:
            batch["mix"] = self._normalised(v.mixed, "mix")
        states |= self._recur(batch)
        if not self.mask:
            states.pop("mask", None)
        return {name: encoder.last(rows) for name, rows in states.items()}, error

    def decode(self, decoder: Decoder, states: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """Rows `(T, N, V*C*M)` predicted from the masked view's states, and those to encode again.

        Both have the same values; the gradient of the second ends at `states`, or without guidance
        at once.
        """
        prompt, after = self.prompts.task("reconstruct", "reconstruct", offsets), None
        if self.prompting == "after_norm":
            after = prompt
        else:
            states = states + prompt
        reduced = decoder.reduce(states, after)
        if not self.guidance:
            rows = decoder(reduced)
            return rows, rows.detach()
        again = decoder.reduce(states.detach(), None if after is None else after.detach())
        rows, view = decoder(torch.cat([reduced, again], dim=1)).chunk(2, dim=1)
        return rows, view

    @torch.no_grad()
    def keys(self, v: Views) -> dict[str, Tensor]:
        """Keys `(B, D)` of all processes' clips, `key`, and of their mixtures, `mix`."""
        self.key.move(self.encoder, self.projector)
        encoder = self.key.encoder
        features = encoder.last(encoder.recur(self._normalised(v.key, "intra", encoder)))
        prompted = features + self.prompts.task("contrast", "key", v.offsets)
        keys = {"key": self.key.keep(self.key.projector(prompted))}
        if v.partner is not None and v.share is not None:
            size, partner, share = len(v.partner), gather(v.partner), gather(v.share)[:, None]
            # A partner is counted within its process's clips.
            first = torch.arange(len(partner), device=partner.device) // size * size
            mixed = torch.lerp(keys["key"], keys["key"][first + partner], share.to(keys["key"]))
            keys["mix"] = nn.functional.normalize(mixed, dim=1)
        return keys

    def contrast(self, queries: dict[str, Tensor], keys: dict[str, Tensor]) -> dict[str, Tensor]:
        """InfoNCE and distillation of embeddings `(B, D)` of each view, in float32 at least."""
        terms: dict[str, Tensor] = {}
        with torch.autocast(next(iter(keys.values())).device.type, enabled=False):
            for name, relation in relations(queries, keys, self.key.queue.keys).items():
                terms[f"nce_{name}"] = info_nce(relation.student / self.temperature)
                if self.lam_kl:
                    terms[f"kl_{name}"] = self.lam_kl * distil(relation, self.temperatures)
        return terms

    def post_distil(self, queries: dict[str, Tensor], keys: dict[str, Tensor]) -> dict[str, Tensor]:
        """PCM3++'s second stage: distillation alone, in float32 at least."""
        with torch.autocast(next(iter(keys.values())).device.type, enabled=False):
            return {
                f"kl_{name}": self.lam_kl * distil(relation, self.temperatures)
                for name, relation in relations(queries, keys, self.key.queue.keys).items()
            }

    def after_step(self) -> None:
        """The step's keys enter the queue."""
        self.key.queue.advance()

    def _normalised(self, view: Tensor, prompt: str, encoder: StateEncoder | None = None) -> Tensor:
        """Normalised rows `(T, N, V*C*M)` of a stream `(N, C, T, V, M)`, or of rows, prompted."""
        encoder = encoder or self.encoder
        rows = encoder.rows(view) if view.dim() == 5 else view
        if self.prompting == "official":
            return encoder.normalise(rows + self.prompts[prompt])
        rows = encoder.normalise(rows)
        return rows if self.prompting == "none" else rows + self.prompts[prompt]

    def _recur(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """States `(T, N, 2H)` of each of some normalised views, in one batch."""
        if not batch:
            return {}
        states = self.encoder.recur(torch.cat(list(batch.values()), dim=1))
        return dict(zip(batch, states.chunk(len(batch), dim=1), strict=True))


def _check(encoder: Encoder, form: str, prompts: str | None, predict: bool, lam_m: float) -> None:
    if not all(hasattr(encoder, name) for name in ("rows", "normalise", "recur", "last")):
        raise ValueError(
            f"pcm3 decodes the states of a recurrent encoder (gru), not {type(encoder).__name__}; "
            "give encoder.name=gru"
        )
    check_form(form)
    if prompts not in (None, "official", "after_norm", "none"):
        raise ValueError(f"unknown prompts {prompts!r}; known: official, after_norm, none")
    if encoder.skeleton.joints < 2:
        raise ValueError(
            f"layout {encoder.skeleton.name!r} has one joint; pcm3 mixes and masks body parts, "
            "and two are needed: use another method"
        )
    if predict and not lam_m:
        raise ValueError("lam_m=0: without a decoder there is no predicted view; predict=false")
