"""The released USDRL checkpoint layout (sources U7): read into a `USDRL`, written from one."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from ..encoders._tokens import sinusoids
from ..encoders.dste import DSTE
from ..encoders.sttr import STTR
from ..errors import InputError
from ..settings.ranges import LARGEST
from ..skeleton import Skeleton
from .usdrl import USDRL

# (our name, released name), tried in order; {} stands for one word. Read in both directions.
_SHARED = (
    ("encoder.embed_{}.{}.{}", "backbone.ske_emb.{}_embedding.{}.{}"),
    ("encoder.position_s", "backbone.spe"),
    ("projectors.temporal.{}.{}", "t_proj.{}.{}"),
    ("projectors.spatial.{}.{}", "s_proj.{}.{}"),
    ("projectors.instance.{}.{}", "i_proj.{}.{}"),
)
_STTR = (
    ("encoder.layers_{}.{}.attention.{*}", "backbone.{}_tr.layers.{}.self_attn.{*}"),
    ("encoder.layers_{}.{}.fc1.{}", "backbone.{}_tr.layers.{}.linear1.{}"),
    ("encoder.layers_{}.{}.fc2.{}", "backbone.{}_tr.layers.{}.linear2.{}"),
    ("encoder.layers_{}.{}.norm1.{}", "backbone.{}_tr.layers.{}.norm1.{}"),
    ("encoder.layers_{}.{}.norm2.{}", "backbone.{}_tr.layers.{}.norm2.{}"),
)
_DSTE = tuple(
    (f"encoder.layers_{{}}.{depth}.{ours}", f"backbone.{{}}_{layer}.{released}")
    for depth, layer in enumerate(("tr", "tr1"))
    for ours, released in (
        ("attention.{*}", "CA.attn.{*}"),
        ("ca.conv.{}", "CA.conv1.{}"),
        ("ca.{*}", "CA.{*}"),
        ("dsa.mix1.{}", "DSA.wt1.{}"),
        ("dsa.mix2.{}", "DSA.wt2.{}"),
        ("dsa.{*}", "DSA.{*}"),
    )
)

POSITIONS = "backbone.tpe.pe"  # fixed sinusoids, of which a model adds the first rows
ROWS = 200  # frames that the released table has positions of

# The tensors that tell the sizes of the model, and their number of dimensions.
_SIZES = {
    "backbone.spe": 3,
    "backbone.ske_emb.t_embedding.0.weight": 2,
    "backbone.ske_emb.s_embedding.0.weight": 2,
    "t_proj.6.weight": 2,
}


def load(
    state: Mapping[str, Tensor],
    skeleton: Skeleton,
    source: str = "checkpoint",
    stream: str = "joint",
) -> USDRL:
    """Builds the method that a released state dict holds; sizes come from the tensors.

    Args:
        state: tensors by released name, without `module.`.
        skeleton: the layout that the weights were trained on (released ones: NTU25).
        source: what an error calls the checkpoint.
        stream: what the weights were trained on; the file does not say.

    Raises:
        InputError: tensors are missing, unknown or of unfitting shapes, the spatial tokens are no
            multiple of the layout's joints, or the positions of frames are others than released.
    """
    sizes = _sizes(state, skeleton, source)
    sttr = any(".self_attn." in key for key in state)
    encoder_class = STTR if sttr else DSTE
    encoder = encoder_class(
        skeleton, sizes["in_channels"], sizes["persons"], stream, dim=sizes["dim"],
        frames=sizes["frames"],
    )  # fmt: skip
    _check_positions(state, encoder.position_t, source)
    method = USDRL(encoder, projection=sizes["projection"])
    table = _SHARED + (_STTR if sttr else _DSTE)
    renamed = {
        _rename(key, [(released, ours) for ours, released in table], source): value
        for key, value in state.items()
        if key != POSITIONS and ".DSA.attn." not in key  # checked above; a second copy
    }
    try:
        missing, unexpected = method.load_state_dict(renamed, strict=False)
    except RuntimeError as error:
        last = str(error).splitlines()[-1].strip()
        raise InputError(f"{source}: tensors do not fit together: {last}") from None
    if missing or unexpected:
        raise InputError(f"{source}: tensors missing {missing[:3]}, unknown {unexpected[:3]}")
    return method


def save(method: USDRL) -> dict[str, Tensor]:
    """The method's tensors under the released names, with both copies of shared attentions.

    Raises:
        InputError: more than two layers a stream, or another encoder than DSTE and STTR, which the
            released layout cannot name, or more frames than it has positions of.
    """
    encoder = method.encoder
    if not isinstance(encoder, DSTE | STTR):
        raise InputError(
            f"the released USDRL layout is DSTE's or STTR's; this encoder is "
            f"{type(encoder).__name__}"
        )
    if len(encoder.layers_t) > 2:
        raise InputError(
            "the released USDRL layout names two layers a stream; this encoder has more"
        )
    frames = encoder.num_frames
    if frames > ROWS:
        raise InputError(
            f"the released USDRL layout has positions of {ROWS} frames; this encoder reads {frames}"
        )
    table = _SHARED + (_STTR if isinstance(encoder, STTR) else _DSTE)
    positions = sinusoids(ROWS, encoder.dim // 2).to(encoder.position_t)
    positions[:, :frames] = encoder.position_t  # to the bit
    official: dict[str, Tensor] = {POSITIONS: positions}
    for key, value in method.state_dict().items():
        name = _rename(key, table, "method")
        official[name] = value
        if ".CA.attn." in name:
            official[name.replace(".CA.", ".DSA.")] = value
    return official


def _check_positions(state: Mapping[str, Tensor], expected: Tensor, source: str) -> None:
    """That the file's table, where it has one, is the one that the encoder is built with."""
    if POSITIONS not in state:
        return
    table = state[POSITIONS]
    rows = min(table.shape[1], expected.shape[1]) if table.dim() == 3 else 0
    ours, theirs = expected[:, :rows], table[:, :rows].to(expected)
    if not rows or theirs.shape != ours.shape or not torch.allclose(theirs, ours, atol=1e-3):
        raise InputError(
            f"{source}: {POSITIONS} {tuple(table.shape)} is not the released table of positions; "
            "is this a USDRL checkpoint?"
        )


def _sizes(state: Mapping[str, Tensor], skeleton: Skeleton, source: str) -> dict[str, int]:
    """Sizes of the encoder and the projector, by argument."""
    for key, dimensions in _SIZES.items():
        if key not in state or state[key].dim() != dimensions:
            raise InputError(f"{source}: tensor {key!r} is missing; is this a USDRL checkpoint?")
    _, tokens, dim = state["backbone.spe"].shape
    persons, rest = divmod(tokens, skeleton.joints)
    if rest or not persons:
        raise InputError(
            f"{source}: {tokens} spatial tokens are no multiple of the {skeleton.joints} joints of "
            f"layout {skeleton.name!r}; name the layout that the weights were trained on"
        )
    temporal = state["backbone.ske_emb.t_embedding.0.weight"].shape[1]
    spatial = state["backbone.ske_emb.s_embedding.0.weight"].shape[1]
    channels, rest = divmod(temporal, tokens)
    frames, rest_spatial = divmod(spatial, max(channels, 1))
    sizes = {
        "dim": dim,
        "frames": frames,
        "in_channels": channels,
        "persons": persons,
        "projection": state["t_proj.6.weight"].shape[0],
    }
    if rest or rest_spatial or not all(1 <= size <= LARGEST for size in sizes.values()):
        raise InputError(
            f"{source}: embeddings of {temporal} and {spatial} inputs for {tokens} spatial tokens "
            f"give no sizes of a USDRL model (found {sizes})"
        )
    return sizes


def _rename(
    key: str, table: list[tuple[str, str]] | tuple[tuple[str, str], ...], source: str
) -> str:
    for pattern, template in table:
        expression = re.escape(pattern).replace(r"\{\*\}", r"(.+)").replace(r"\{\}", r"([^.]+?)")
        match = re.fullmatch(expression, key)
        if match:
            return template.replace("{*}", "{}").format(*match.groups())
    raise InputError(f"{source}: unknown tensor {key!r}; not a USDRL checkpoint of this layout")
