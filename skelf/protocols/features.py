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
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..contracts import Encoder
from ..data.batch import ClipBatches
from ..data.clips import ClipSet
from ..errors import InputError
from ..files import is_text, reason, replacing
from ._cache import content, key
from .crop import CUTS, Crop, Cut, read
from .fitting import fitting, labelled, suited

BLOCK = 1024
"""Clips that are sorted by length among themselves: every so many clips of a set, encoded by
themselves, have the batches that they have in the set, and the same features to the bit."""
PRECISIONS = ("fp32", "bf16")
"""In which an encoder may encode; its attribute `frozen_precision` says which, fp32 without one."""


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
        clips: `N` clips of the encoder's layout (joint names but for their case, and parents), or
            of any, see `suited`; as they are stored or with the encoder's normalisation, see
            `fitting`. Labels play no part.
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
    encoder = suited(encoder, clips)
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


def _plan(length: np.ndarray, size: int) -> list[np.ndarray]:
    # Clips of like length share a batch (little padding), sorted within windows so that reads stay
    # nearly sequential.
    window = np.arange(len(length)) // max(size, BLOCK // size * size)
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
