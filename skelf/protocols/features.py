"""Frozen features: each clip encoded once, cached by content, then shared by every protocol.

A whole clip is resized to the encoder's frames, without augmentation (the released evaluation,
l_ratio [1.0]), so one vector a clip is all that a frozen protocol ever needs; the released code
re-encodes the set in every one of 160 epochs.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..contracts import Encoder
from ..data.batch import ClipBatches
from ..data.clips import ClipSet
from ..data.normalize_names import check, keeping_time, same
from ..encoders._products import linear
from ..errors import InputError
from ..files import is_text, reason, replacing
from ..skeleton import Skeleton
from ._cache import content, key
from .crop import CUTS, Crop, Cut, read

PRECISIONS = ("fp32", "bf16")
"""In which an encoder may encode; its attribute `frozen_precision` says which, fp32 without one."""

BLOCK_BYTES = 64 * 2**20
"""Most bytes that one block of a query-by-gallery similarity matrix takes."""


class Features(NamedTuple):
    """Features and labels of the labelled clips of a train and a test split.

    Args:
        train: `(N, D)` float32 on the CPU.
        train_labels: `(N,)` int64.
        test: `(Q, D)` float32 on the CPU.
        test_labels: `(Q,)` int64.
        classes: number of classes `K`: those that the clips name, or the highest label + 1.
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    classes: int


class Change(NamedTuple):
    """What is done to clips before they are encoded, as an occlusion.

    Args:
        name: says exactly what is done, draws included; part of the cache's key.
        apply: `(n, C, T, V, M)` normalised, resized clips and their indices `(n,)` in the set -> as
            many clips of that shape.
    """

    name: str
    apply: Callable[[Tensor, np.ndarray], Tensor]


def extract(
    encoder: Encoder,
    clips: ClipSet,
    *,
    device: str | torch.device = "cpu",
    batch_size: int = 256,
    cache: Path | None = None,
    change: Change | None = None,
    cut: Cut | None = None,
) -> Tensor:
    """One vector for each clip, whole or cut, at the encoder's frames, in evaluation mode.

    The encoder comes back as it was: weights bit-equal, on its own device, each submodule's
    training flag restored.

    Args:
        encoder: a module with `dim`, `num_frames`, `persons`, `skeleton`; it takes `(N, C, T, V,
            M)` and gives `(N, dim)`.
        clips: `N` clips of the encoder's layout (joint names but for their case, and parents), as
            they are stored or with the encoder's normalisation, see `fitting`; labels play no part.
        device: where the encoder runs.
        batch_size: clips a forward pass; no influence on the result beyond rounding.
        cache: folder for the features, made when missing. The file's name is a hash of the
            encoder's weights, settings and source, and of the clips' content and normalisation (and
            of the change), see `_cache.key`; a damaged file is rewritten. An encoder whose source
            cannot be read is not cached.
        change: what is done to the resized clips first; None: nothing.
        cut: the part of each clip that is read; None: all of it.

    Returns:
        `(N, dim)` float32 on the CPU, in the clips' order.

    Raises:
        InputError: the layout or the normalisation is not the encoder's, there are no clips, or
            features that are not finite.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> clips = generate(clips=12)
        >>> encoder = ENCODERS["gru"](clips.skeleton, dim=4, layers=1, frames=8, persons=1)
        >>> extract(encoder, clips).shape
        torch.Size([12, 8])
    """
    clips = fitting(encoder, clips)
    shape = (len(clips), encoder.dim)
    path = _path(cache, encoder, clips, change, cut)
    if path is not None and (stored := _stored(path, shape)) is not None:
        return stored

    features = torch.empty(shape)
    # Every clip is read once, maybe beside a training model: the set is not kept on the device.
    batches = ClipBatches(clips, device, persons=encoder.persons, resident=False)
    plan = _plan(clips.length, batch_size)
    with in_evaluation(encoder, torch.device(device)):
        for indices, (x, lengths) in zip(plan, batches.stream(plan), strict=True):
            x = read(x, lengths, encoder.num_frames, cut)  # (n, C, T, V, M)
            x = x if change is None else change.apply(x, indices)
            features[torch.from_numpy(indices)] = encoder(x).float().cpu()
    if not bool(features.isfinite().all()):
        raise InputError(
            f"features of {clips} hold NaN or Inf: the encoder's weights are damaged or its "
            "training diverged; take an earlier checkpoint"
        )
    if path is not None:
        _write(path, features)
    return features


def extract_splits(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    *,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
    crop: Crop = "whole",
) -> Features:
    """Features and labels of both splits, without the unlabelled clips.

    Args:
        encoder: see `extract`.
        train: the training split (gallery of k-NN and retrieval).
        test: the test split (queries). A class that training never shows stays: nothing can
            recognise it, so its clips count as wrong.
        device: where the encoder runs.
        cache: folder for the features.
        crop: which part of each clip is read.

    Raises:
        InputError: a split without labelled clips, or fewer than two classes to train on.
    """
    train, test = labelled(train, "training"), labelled(test, "test")
    if len(np.unique(train.label)) < 2:
        raise InputError(
            f"{train}: the training split holds a single class ({int(train.label[0])}), two are "
            "needed: choose another split or import more clips"
        )
    highest = max(int(train.label.max()), int(test.label.max()))
    return Features(
        extract(encoder, train, device=device, cache=cache, cut=CUTS.get(crop)),
        torch.from_numpy(train.label.astype(np.int64)),
        extract(encoder, test, device=device, cache=cache, cut=CUTS.get(crop)),
        torch.from_numpy(test.label.astype(np.int64)),
        max(len(train.class_names), highest + 1),
    )


def cosine_blocks(
    queries: Tensor, gallery: Tensor, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[slice, Tensor]]:
    """Cosine similarities, some queries at a time: memory is bounded whatever the gallery's size.

    Args:
        queries: `(Q, D)` features, on the device that computes.
        gallery: `(G, D)` features on the same device.
        block_bytes: most bytes of one block (a single query is always taken whole).

    Yields:
        the block's queries as a slice, and their `(n, G)` similarities in [-1, 1] (0 for an
        all-zero feature).
    """
    rows = max(1, block_bytes // (4 * len(gallery)))
    gallery = F.normalize(gallery.float(), dim=1)
    for begin in range(0, len(queries), rows):
        block = slice(begin, min(begin + rows, len(queries)))
        yield block, linear(F.normalize(queries[block].float(), dim=1), gallery)


def centred(queries: Tensor, gallery: Tensor) -> tuple[Tensor, Tensor]:
    """Features minus the mean of the gallery: what similarities that people read are taken of.

    Encoders give all motions a large part in common, so that cosines of their features lie between
    0.99 and 1 whatever the motions are. Without that part 1 is alike, 0 no more alike than any two
    clips of the gallery, and below 0 less so.

    Args:
        queries: `(Q, D)` features.
        gallery: `(G, D)` features; of a single clip nothing is left, and its similarities are 0.

    Returns:
        `(Q, D)` and `(G, D)` float32, for `cosine_blocks`.

    Examples:
        >>> gallery = torch.tensor([[100.0, 1.0], [100.0, -1.0]])
        >>> query = torch.tensor([[100.0, 2.0]])
        >>> [round(s, 4) for s in next(cosine_blocks(query, gallery))[1][0].tolist()]
        [1.0, 0.9996]
        >>> [round(s, 4) for s in next(cosine_blocks(*centred(query, gallery)))[1][0].tolist()]
        [1.0, -1.0]
    """
    mean = gallery.double().mean(dim=0)
    queries, gallery = (x.double() - mean for x in (queries, gallery))
    return queries.float(), gallery.float()


def fitting(encoder: Encoder, clips: ClipSet, *, keep_time: bool = False) -> ClipSet:
    """The clips as an encoder takes them: of its layout, with its normalisation.

    Whatever gives clips to an encoder asks here. An encoder that knows no normalisation, as one
    made by hand, takes the clips as they were opened.

    Args:
        encoder: what takes them; its attribute `normalize`, where it has one, names the steps.
        clips: as they are stored, or opened with that very normalisation.
        keep_time: without the steps that drop or move frames, for recordings with segments.

    Raises:
        InputError: another joint layout, or clips that were opened with another normalisation.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> clips = generate(clips=12)
        >>> encoder = ENCODERS["gru"](clips.skeleton, dim=4, layers=1, frames=8, persons=1)
        >>> encoder.normalize = "centre"  # as one that comes from a run has it
        >>> fitting(encoder, clips).normalize
        'centre'
    """
    same_layout(encoder.skeleton, clips)
    name: str = getattr(encoder, "normalize", None) or clips.normalize
    if not keep_time:
        return normalized(clips, name)
    if same(clips.normalize, name):
        clips = replace(clips, normalize=keeping_time(name))
    return normalized(clips, keeping_time(name))


def normalized(clips: ClipSet, name: str) -> ClipSet:
    """The clips with the normalisation that a model has.

    Raises:
        InputError: they were opened with another one, or it does not suit them.
    """
    check(name, clips.skeleton, clips.coordinates)
    if same(clips.normalize, name):
        return clips
    if not same(clips.normalize, "none"):
        raise InputError(
            f"{clips}: opened with normalize={clips.normalize!r}, and the model takes {name!r}: "
            "open them without a normalisation, or with that one"
        )
    return replace(clips, normalize=name)


def same_layout(wanted: Skeleton, clips: ClipSet) -> None:
    """Refuses clips of other joints: an encoder would take a hand for a head without a word."""
    here = clips.skeleton
    joints, others = (list(zip(_folded(s), s.parents, strict=True)) for s in (here, wanted))
    if joints == others:
        return
    named = here.name if here.name != wanted.name else f"another {here.name!r}"
    what = f"{here.joints} joints ({named}), the encoder takes {wanted.joints} ({wanted.name})"
    if here.joints == wanted.joints:
        at = next(joint for joint in range(here.joints) if joints[joint] != others[joint])
        what += f"; joint {at} is {_joint(here, at)} and the encoder's {_joint(wanted, at)}"
    raise InputError(
        f"{clips}: {what}: use clips of that layout, bring these into it by `skelf data map "
        "STORE --layout NAME|FILE.toml --out MAPPED.h5`, or import them again with --layout"
    )


def _folded(skeleton: Skeleton) -> list[str]:
    return [name.casefold() for name in skeleton.names]


def _joint(skeleton: Skeleton, joint: int) -> str:
    parent = skeleton.parents[joint]
    below = f"below {skeleton.names[parent]!r}" if parent >= 0 else "the root"
    return f"{skeleton.names[joint]!r} ({below})"


def labelled(clips: ClipSet, split: str) -> ClipSet:
    """The labelled clips of the side of a split that is called `split`; InputError without any."""
    with_label = np.flatnonzero(clips.label >= 0)
    if len(with_label) == 0:
        raise InputError(
            f"{clips}: the {split} split holds no labelled clips ({len(clips)} clips in all): "
            "choose another split or import the labels"
        )
    # Taking all of them would change the digest and with it the cache's name, for nothing.
    return clips if len(with_label) == len(clips) else clips.take(with_label)


def _plan(length: np.ndarray, size: int) -> list[np.ndarray]:
    # Clips of like length share a batch (little padding), sorted within windows so that reads stay
    # nearly sequential.
    window = np.arange(len(length)) // (16 * size)
    order = np.lexsort((length, window))
    return [order[begin : begin + size] for begin in range(0, len(order), size)]


def encode_in(encoder: Encoder, precision: str) -> None:
    """Says in which of `PRECISIONS` an encoder's frozen features are computed from now on."""
    if precision != PRECISIONS[0]:  # an encoder without the attribute is the usual case
        setattr(encoder, "frozen_precision", precision)  # noqa: B010 (no part of the contract)


@contextmanager
def in_evaluation(encoder: Encoder, device: torch.device) -> Iterator[None]:
    """The encoder on `device`, in evaluation mode, without gradients; afterwards as it was.

    Its `frozen_precision` says whether it computes in bf16, by autocast; see `PRECISIONS`.
    """
    flags = [(module, module.training) for module in encoder.modules()]
    home = next((p.device for p in encoder.parameters()), device)
    half = getattr(encoder, "frozen_precision", PRECISIONS[0]) == "bf16"
    try:
        # no_grad, not inference_mode: what a module keeps from its forward must stay usable in
        # training.
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=half):
            encoder.to(device).eval()
            yield
    finally:
        encoder.to(home)
        for module, flag in flags:
            module.training = flag


def _path(
    cache: Path | None,
    encoder: Encoder,
    clips: ClipSet,
    change: Change | None,
    cut: Cut | None,
) -> Path | None:
    if cache is None or not is_text(Path(cache)):  # which safetensors does not take
        return None
    before = [part.name for part in (cut, change) if part is not None]
    named = key(encoder, clips, "; ".join(before) or None)
    return None if named is None else Path(cache) / f"{named}.safetensors"


def _checksum(features: Tensor) -> str:
    return hashlib.blake2b(content(features), digest_size=16).hexdigest()


def _stored(path: Path, shape: tuple[int, int]) -> Tensor | None:
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            features: Tensor = file.get_tensor("features")
            checksum = (file.metadata() or {}).get("checksum")
    except (OSError, SafetensorError):
        return None
    return features if features.shape == shape and _checksum(features) == checksum else None


def _write(path: Path, features: Tensor) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            save_file({"features": features}, beside, metadata={"checksum": _checksum(features)})
    except (OSError, SafetensorError) as error:
        # The features are good: a full disk must not throw away what took minutes.
        why = (reason(error) or (0, str(error)))[1]
        warnings.warn(f"{path.parent}: features are not cached: {why}", stacklevel=3)
