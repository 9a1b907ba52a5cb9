"""Retrieval with frozen features: rank the training split by cosine similarity to each test clip.

USDRL's retrieval protocol is the accuracy of the nearest clip's label ("1-NN precision", equal to
`precision@1` here); precision at more ranks and mean average precision say how good the whole
ranking is. Paper: Weng et al., USDRL, AAAI 2025, "Action Retrieval"; sources U16.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..errors import InputError
from ..metrics.classes import average_precision, precision_at
from ..settings.options import option, options
from ..settings.ranges import Count, NotEmpty
from . import features, similarity
from .crop import Crop, of_clips
from .outcome import Outcome

RANKS = (1, 5, 10)
"""Ranks of the precisions where none are asked for."""
PIECE_BYTES = 1 * 2**20
"""Bytes of similarities that are ranked at a time, on a CPU."""


@options("eval")
class Retrieval:
    """What a ranking is judged by."""

    ks: Annotated[tuple[Count, ...], NotEmpty()] | None = option(
        None, "ranks of the precisions; none: those of 1, 5 and 10 that the gallery has"
    )
    crop: Crop = option("whole", "what is read of a clip: whole, or its middle, central-95 (CMD)")


def retrieval(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: Retrieval = Retrieval(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Precision at `k` and mean average precision of the training split ranked for each test clip.

    Equal similarities rank in the gallery's order.

    Args:
        encoder: the frozen encoder; comes back bit-equal.
        train: labelled gallery; unlabelled clips are dropped.
        test: queries; unlabelled clips are dropped.
        how: the options.
        seed: without influence, nothing is drawn.
        device: where to compute.
        cache: folder for the features.

    Returns:
        `precision@k.none` for each `k`, the mean over all queries of the share of the `k` nearest
        with the query's label (`precision@1.none` is the field's 1-NN precision), and `map.none`,
        the mean over the queries whose label the gallery has, the whole gallery being ranked. No
        scores.

    Raises:
        InputError: a split without labelled clips, a single class, a rank beyond the gallery, or
            no test label that the training split has.

    Source: USDRL (AAAI 2025), section "Action Retrieval": features L2-normalised, 1-NN by cosine
    distance.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> from skelf.protocols import PROTOCOLS
        >>> train, test = generate(clips=48).split("xview")
        >>> encoder = ENCODERS["gru"](train.skeleton, dim=4, layers=1, frames=8, persons=1)
        >>> outcome = PROTOCOLS["retrieval"](encoder, train, test)
        >>> list(outcome.values)
        ['precision@1.none', 'precision@5.none', 'precision@10.none', 'map.none']
    """
    f = features.extract_splits(encoder, train, test, device=device, cache=cache, crop=how.crop)
    gallery_labels, labels = f.train_labels.to(device), f.test_labels.to(device)
    ranks = _ranks(how.ks, len(gallery_labels))
    precisions = torch.empty(len(labels), len(ranks), dtype=torch.float64)
    average = torch.empty(len(labels), dtype=torch.float64)
    queries, gallery = f.test.to(device), f.train.to(device)
    # Nobody else has these features, and a copy of a large gallery is what takes most memory.
    for block, cosines in similarity.cosine_blocks(queries, gallery, overwrite=True):
        for some in _pieces(cosines):
            own = slice(block.start + some.start, min(block.start + some.stop, block.stop))
            relevance = ranked(cosines[some], gallery_labels == labels[own, None])  # (n, G)
            precisions[own] = precision_at(relevance, ranks).double().cpu()
            average[own] = average_precision(relevance).cpu()
        del cosines  # or it would be there beside the next block
    answerable = average[~average.isnan()]
    if len(answerable) == 0:
        raise InputError(
            f"{test}: no label of the test split occurs in the training split: use another split"
        )
    means = zip(ranks, precisions.mean(dim=0), strict=True)
    values = {f"precision@{k}.none": float(p) for k, p in means}
    values["map.none"] = float(answerable.mean())
    return Outcome(
        values,
        None,
        f.test_labels.numpy(),
        f"retrieval with frozen features: cosine similarity, queries = test split ({len(average)} "
        f"clips), gallery = training split ({len(gallery_labels)} clips); precision@k = share of "
        "the k nearest with the query's label, map = mean average precision over the whole "
        f"gallery; {of_clips(how.crop)}, no augmentation",
    )


def ranked(similarity: Tensor, relevant: Tensor) -> Tensor:
    """Each row of `relevant` in the order of falling similarity, equal ones in the gallery's order.

    On a CPU similarity, place and relevance are packed into one whole number and sorted as such:
    the order of a stable argsort in a tenth of its time.

    Args:
        similarity: `(n, G)` float32, finite.
        relevant: `(n, G)` bool on the same device.
    """
    if similarity.device.type != "cpu":
        return relevant.gather(1, similarity.argsort(dim=1, descending=True, stable=True))
    floats = (similarity + 0.0).numpy()  # -0.0 becomes 0.0, which has one place in the order
    bits, hits = floats.view(np.uint32), relevant.numpy()
    place = np.arange(bits.shape[1], dtype=np.uint64) << np.uint64(1)
    out = np.empty(hits.shape, bool)

    def sort(row: int) -> None:
        # Bits of a positive float rise with it, those of a negative one fall.
        falling = (bits[row] >> np.uint32(31)) - np.uint32(1)  # 0 where negative, else all ones
        key = (bits[row] ^ (falling & np.uint32(0x7FFFFFFF))).astype(np.uint64)
        key <<= np.uint64(32)
        key |= place
        key |= hits[row]
        key.sort()
        np.not_equal(key & np.uint64(1), 0, out=out[row])

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        deque(pool.map(sort, range(len(bits))), maxlen=0)  # raises what a row raised
    return torch.from_numpy(out)


def _pieces(cosines: Tensor) -> list[slice]:
    """Some queries of a block at a time: what a ranking takes on the way is several blocks."""
    count = len(cosines)
    rows = max(1, PIECE_BYTES // (4 * cosines.shape[1])) if cosines.device.type == "cpu" else count
    return [slice(begin, begin + rows) for begin in range(0, count, rows)]


def _ranks(ks: Sequence[int] | None, gallery: int) -> tuple[int, ...]:
    if ks is None:
        return tuple(k for k in RANKS if k <= gallery)
    if beyond := [k for k in ks if k > gallery]:
        raise InputError(
            f"eval.ks: precision@{beyond[0]} needs 1 <= k <= {gallery}, the number of clips in the "
            "training split"
        )
    return tuple(ks)
