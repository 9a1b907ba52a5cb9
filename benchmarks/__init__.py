"""Speed, side by side: skelf against a plain path, in one run, beside what the machine can do.

`python -m benchmarks` runs them; a further one is a module and a line in `BENCHMARKS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from . import (
    export,
    features,
    import_mocap,
    import_ntu,
    live,
    masked_step,
    pcm3_step,
    precision,
    predict,
    probe,
    query,
    search,
    steps,
    store,
    training,
    training_work,
    usdrl_step,
    views,
)
from .timing import Effort

Rows = list[dict[str, Any]]


class Benchmark(NamedTuple):
    """One measurement.

    Args:
        measure: given the effort and this run's peak in FLOP/s, rows of a table.
        known: the sizes that it has.
        usual: those of the long form.
        short: those of the short form.
        half: whether skelf's side knows bfloat16.
    """

    measure: Callable[[Effort, float], Rows]
    known: tuple[str, ...]
    usual: tuple[str, ...] = ("paper", "small")
    short: tuple[str, ...] = ("small", "paper")
    half: bool = False


BENCHMARKS = {
    "usdrl": Benchmark(
        usdrl_step.usdrl,
        tuple(usdrl_step.SIZES),
        ("paper", "paper at 4", "small"),
        ("small",),
        True,
    ),
    "aimclr": Benchmark(steps.aimclr, tuple(steps.SIZES), half=True),
    "skeletonclr": Benchmark(steps.skeletonclr, tuple(steps.SIZES), half=True),
    "pcm3": Benchmark(pcm3_step.pcm3, tuple(pcm3_step.SIZES), short=("small",), half=True),
    "pcm3_encoder": Benchmark(
        pcm3_step.encoder, tuple(pcm3_step.SIZES), short=("small",), half=True
    ),
    "mamp": Benchmark(masked_step.mamp, tuple(masked_step.SIZES), ("paper", "small"), (), True),
    "training": Benchmark(
        training.training, tuple(training_work.SIZES), training.USUAL, training.USUAL[:2], True
    ),
    "precision": Benchmark(precision.precision, precision.SIZES, ("small",), ("small",)),
    "views": Benchmark(views.views, tuple(views.SIZES)),
    "features": Benchmark(features.stgcn, tuple(steps.SIZES), half=True),
    "features_usdrl": Benchmark(
        features.dste, tuple(usdrl_step.SIZES), short=("small",), half=True
    ),
    "probe": Benchmark(probe.probe, tuple(probe.SIZES), short=("small",)),
    "nearest": Benchmark(search.nearest, tuple(search.SIZES), short=("small",)),
    "knn": Benchmark(search.knn_votes, tuple(search.SIZES), short=("small",)),
    "retrieval": Benchmark(search.ranking, tuple(search.SIZES), short=("small",)),
    "query": Benchmark(query.query, tuple(query.SIZES), ("paper", "small"), ("small",)),
    "predict": Benchmark(predict.predict, tuple(predict.SIZES), ("small",), ("small",)),
    "store": Benchmark(store.store, tuple(store.SIZES), short=("small",)),
    "live": Benchmark(live.live, tuple(live.SIZES), short=("small",)),
    "export": Benchmark(export.export, tuple(export.SIZES), ("small", "paper"), ("small",)),
    "import": Benchmark(import_ntu.imports, tuple(import_ntu.SIZES), short=("small",)),
    "import_bvh": Benchmark(import_mocap.bvh, tuple(import_mocap.SIZES), ("small",), ("small",)),
    "import_c3d": Benchmark(import_mocap.c3d, tuple(import_mocap.SIZES), ("small",), ("small",)),
}
