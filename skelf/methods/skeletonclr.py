"""SkeletonCLR: MoCo v2 on skeletons, one stream; the baseline of CrosSCLR and AimCLR.

Paper: Li et al., CrosSCLR, CVPR 2021, section 3.2. Two normally augmented views of a clip: one
through the query encoder, one through a key encoder that follows it; the query has to find its own
key among those of a queue of earlier clips (facts 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import Generator, Tensor, nn

from ..augment_views import draw_extreme_view, draw_normal_view
from ..data.batch import resize
from ..losses.contrastive import cosines, info_nce
from ..ranges import Amount, Form, Keys, Positive, Share, Size
from ..skeleton import Skeleton
from ._momentum import KeyEncoder, embed, projector, view_arguments
from ._sync_norm import synchronize
from .usdrl import draw_views as draw_usdrl_views


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    skeleton: Skeleton,
    recipe: Literal["skeletonclr", "usdrl"] = "skeletonclr",
    shear: Amount = 0.5,
    padding_ratio: Annotated[int, Field(ge=0)] = 6,
    extreme: bool = False,
    form: Form | None = None,
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """Query and key view, drawn alike.

    Args:
        x: padded clips `(N, C, T, V, M)`, resized to `frames` first.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        skeleton: the joint layout.
        recipe: "skeletonclr": a crop of the padded clip and a shear. "usdrl": `usdrl.draw_views`,
            for the row of negatives in USDRL's Table 5.
        shear: largest shear factor (0.5; USDRL: 1); 0 for none.
        padding_ratio: a crop's padding is `T // padding_ratio` frames (6); 0 for no crop. Not for
            USDRL's recipe, like the two that follow.
        extreme: draw AimCLR's extreme views instead (the row "extreme augmentations only" of its
            Table 1).
        form: of the extreme views, see `augment_views.draw_extreme_view`. None: the method's.
        coordinates: see `augment_views.draw_normal_view`.

    Returns:
        Two tensors `(N, C, frames, V, M)`.

    Source: facts 2 and 3.2; USDRL's code does not hold its row of negatives, nor does the paper say
    more of it than that it is the usual way.
    """
    if recipe == "usdrl":
        return draw_usdrl_views(
            x, lengths, generator, frames, number=2, shear=shear, coordinates=coordinates
        )
    x = resize(x, lengths, frames)
    sizes: dict[str, Any] = {"shear": shear, "padding_ratio": padding_ratio}
    sizes["coordinates"] = coordinates
    if extreme:
        sizes["form"] = form or "official"
        return tuple(draw_extreme_view(x, generator, skeleton, **sizes) for _ in range(2))
    return tuple(draw_normal_view(x, generator, **sizes) for _ in range(2))


class SkeletonCLR(nn.Module):
    """SkeletonCLR pretraining; any encoder.

    Args:
        encoder: the query encoder; `.encoder` of the method.
        views: arguments of `draw_views`.
        queue: keys of earlier clips to tell apart (32768).
        feature: length of a key (128).
        momentum: what stays of the key encoder at a step (0.999).
        temperature: of the softmax over keys (0.07).
        sync_bn: BatchNorm over the batch of all processes, so that several train as one (released:
            each by itself).
        form: "official": the key encoder starts from other weights than the query encoder. "paper":
            it starts as a copy.

    The numbers are the released configuration's (facts 2).

    Raises:
        ValueError: an unknown form, a number out of range, or extreme views of USDRL's recipe.
    """

    view_function = staticmethod(draw_views)
    encoder: Any  # a module with `dim`, `num_frames`, `coordinates` and `skeleton`

    def __init__(
        self,
        encoder: nn.Module,
        views: Mapping[str, Any] | None = None,
        queue: Keys = 32768,
        feature: Size = 128,
        momentum: Share = 0.999,
        temperature: Positive = 0.07,
        sync_bn: bool = False,
        form: Form = "official",
    ) -> None:
        super().__init__()
        self.encoder, self.view_arguments = encoder, view_arguments(views, form)
        if self.view_arguments.get("extreme") and self.view_arguments.get("recipe") == "usdrl":
            raise ValueError("views.extreme: of the recipe skeletonclr, not of usdrl; choose one")
        self.projector = projector(self.encoder.dim, feature)
        self.key = KeyEncoder(encoder, self.projector, queue, feature, momentum, form)
        self.temperature = temperature
        if sync_bn:
            synchronize(self)

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Query and key view of padded clips `(N, C, T, V, M)`; see `draw_views`."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.encoder.skeleton,
            coordinates=self.encoder.coordinates, **self.view_arguments,
        )  # fmt: skip

    def contrast(self, query: Tensor, key: Tensor) -> Tensor:
        """Logits `(B, 1 + K)` of query and key view, B the batch over all processes."""
        q = embed(self.projector(self.encoder(query)))
        k = self.key(key, self.encoder, self.projector)
        return cosines(q, k, self.key.queue.keys) / self.temperature

    def forward(self, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """The loss of the two views."""
        return {"loss": info_nce(self.contrast(query, key))}

    def after_step(self) -> None:
        """The step's keys enter the queue."""
        self.key.queue.advance()
