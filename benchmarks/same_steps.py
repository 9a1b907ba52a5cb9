"""The commands of `benchmarks.same`: a little of everything that skelf writes to disk."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

TRAIN = (
    "train.epochs=2",
    "train.batch_size=16",
    "train.milestones=[1]",
    "train.save_every=1",
    "train.precision=fp32",
    "train.devices=cpu",
)
TOKENS = ("encoder.dim=16", "encoder.frames=8")
GRAPH = ("encoder.dim=16", "encoder.width=4", "method.queue=40")
STAGES = ("method.mining_epoch=1",)  # the second epoch trains in the second stage
RUNS: dict[str, tuple[str, ...]] = {
    "usdrl": ("usdrl", *TOKENS),
    "usdrl_sttr": ("usdrl", "encoder.name=sttr", *TOKENS, "train.precision=auto"),
    "skeletonclr": ("skeletonclr", *GRAPH),
    "aimclr": ("aimclr", *GRAPH, *STAGES),
    "crossclr": ("crossclr", *GRAPH, "method.cross_epoch=1"),
    "aimclr_cross": ("aimclr_cross", *GRAPH, *STAGES),
    "pcm3": ("pcm3", "encoder.dim=16", "method.queue=40", "method.clip=true"),
    "partwhole": ("partwhole", "encoder.dim=16"),
    "predict_cluster": ("predict_cluster", "encoder.dim=8", "encoder.frames=16"),
    "longt_gan": ("longt_gan", "encoder.dim=8", "encoder.frames=16", "method.critic=8"),
    "jigsaw": ("jigsaw", "encoder.dim=8", "encoder.frames=16", "method.width=16"),
    "order": ("order", "encoder.dim=8", "encoder.frames=16"),
    "ms2l": ("ms2l", "encoder.dim=8", "encoder.frames=16", "method.width=16"),
    "skelemixclr": ("skelemixclr", *GRAPH),
    "isc": ("isc", "encoder.dim=8", "encoder.frames=16", "method.partner_dim=8", "method.queue=40"),
    "actclr": ("actclr", *GRAPH, "method.nearest=20"),
    "cmd": ("cmd", "encoder.dim=8", "encoder.frames=16", "method.queue=40"),
    "hiclr": ("hiclr", *GRAPH, *STAGES),
    "barlow": ("barlow", "encoder.dim=16", "method.projection=16"),
    "vicreg": ("vicreg", "encoder.dim=16", "method.projection=16"),
    "byol": ("byol", "encoder.dim=16", "method.projection=16", "method.feature=8"),
    "umurl": ("umurl", "encoder.dim=8"),
    "mamp": ("mamp", "encoder.dim=16", "encoder.layers=1"),
    "skeletonmae": ("skeletonmae", "encoder.dim=16", "encoder.layers=1"),
    "sjepa": ("sjepa", "encoder.dim=16", "encoder.layers=1"),
}
STREAMS = {"usdrl_sttr": "bone"}
RELEASED = ("usdrl", "skeletonclr", "aimclr", "crossclr", "pcm3")
SHORT = {
    "linear": ("epochs=10", "milestones=[8]"),
    "finetune": ("epochs=2", "milestones=[1]"),
    "semi": ("epochs=2", "milestones=[1]", "fractions=[0.3,0.6]", "repeats=2"),
    "occlusion": ("epochs=10", "milestones=[8]"),
    "early": ("epochs=10", "milestones=[8]", "ratios=[0.2,0.7,1]"),
    "quality": ("field=set",),
    "fewshot": ("shots=[1]", "queries=1", "ways=3", "episodes=20"),
    "detection": ("epochs=4", "milestones=[3]", "window=32"),
    "segmentation": ("epochs=4",),
}
SUITE = """
seeds = [0, 1]

[[data]]
name = "made_up"
store = "../clips/clips.h5"
splits = ["xview"]

[[method]]
name = "usdrl"
streams = ["joint", "bone"]
fuse = true
settings = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]

[[protocol]]
name = "linear"
untrained = true
settings = ["eval.epochs=5"]

[[protocol]]
name = "knn"
"""


class Step(NamedTuple):
    """A command of skelf, called in the folder of its side.

    Args:
        name: the folder that it writes to, and what the table calls it.
        words: what follows `python -m skelf`.
        stage: steps of lower stages come first.
        reads: the new code also does it with the files that the old code wrote.
        copies: a folder that is copied to `name` first.
    """

    name: str
    words: tuple[str, ...]
    stage: int
    reads: bool = False
    copies: str | None = None


def steps(real: Path | None) -> list[Step]:
    """All commands.

    Args:
        real: the `.npz` of NW-UCLA, where it is there.
    """
    return [*_stores(real), *_runs(), *_evaluations(), *_further()]


def _stores(real: Path | None) -> list[Step]:
    synthetic = ("data", "import", "synthetic", "--layout", "ntu25", "--persons", "2")
    clips, recordings = "clips/clips.h5", "recordings/recordings.h5"
    stores = [
        Step("clips", (*synthetic, "--out", clips, "--clips", "102", "--seed", "1"), 0),
        Step("recordings", (*synthetic, "--out", recordings, "--recordings", "9"), 0),
        _one("mapped", f"data map {clips} --layout kinect20 --out mapped/mapped.h5", reads=True),
        _one("joined", f"data join {clips} {recordings} --out joined/joined.h5", reads=True),
        _one("exported", f"data export {clips} --out exported/clips.npz", reads=True),
        _one(
            "split",
            "data split split/clips.h5 --name own --by subject --train 1,2 --test 3",
            reads=True,
        )._replace(copies="clips"),
        # Its column `set` is a yes/no.
        _one("pooled", f"data join {clips} split/clips.h5 --out pooled/pooled.h5", 2, reads=True),
    ]
    if real is not None:
        words = ("data", "import", "arrays", str(real.resolve()), "--out", "real/real.h5")
        stores.append(Step("real", words, 0))
        stores.append(_one("real_info", "data check real/real.h5 --json", reads=True))
    return stores


def _runs() -> list[Step]:
    trained = []
    for name, (method, *settings) in RUNS.items():
        words = ("pretrain", method, "--data", "clips/clips.h5", "--split", "xview")
        words += ("--stream", STREAMS.get(name, "joint"), "--out", name, *TRAIN, *settings)
        trained.append(Step(name, words, 1))
    settings = " ".join((*TOKENS, *TRAIN)).replace("epochs=2", "epochs=3")
    data = "--data clips/clips.h5 --split xview"
    again = f"pretrain usdrl {data} --out resumed --resume {settings}"
    refined = f"pretrain pcm3 {data} --out refined --refine pcm3 {' '.join(TRAIN)}"
    return [
        *trained,
        _one("resumed", again, 2, reads=True)._replace(copies="usdrl"),
        _one("refined", refined, 2, reads=True),
    ]


def _evaluations() -> list[Step]:
    settings = tuple(f"eval.{name}.{pair}" for name, pairs in SHORT.items() for pair in pairs)
    of = lambda *names: [s for s in settings if s.split(".")[1] in names]  # noqa: E731
    frozen, tuned = ("linear", "knn", "retrieval", "fewshot", "occlusion"), ("finetune", "semi")
    judged = [
        _judge("rows_frozen", ",".join(frozen), "usdrl", *of(*frozen)),
        _judge("rows_tuned", ",".join(tuned), "usdrl", *of(*tuned)),
        _judge("rows_untrained", "knn", "usdrl", "--untrained"),
        _judge("rows_bf16", "knn", "usdrl", "--precision", "bf16"),
        _judge("rows_all_streams", "knn", "crossclr", "--stream", "all"),
        _judge("rows_two_runs", "linear", "usdrl", "--run", "usdrl_sttr", *of("linear")),
        _judge("rows_early", "early", "usdrl", *of("early")),
        _judge("rows_dtw", "dtw", "usdrl"),
        _judge("rows_quality", "quality", "usdrl", *of("quality"), data="pooled"),
        _judge("rows_detection", "detection", "usdrl", *of("detection"), data="recordings"),
        _judge(
            "rows_segmentation", "segmentation", "usdrl", *of("segmentation"), data="recordings"
        ),
    ]
    for run in RUNS:
        if run != "usdrl":
            judged.append(_judge(f"rows_{run}", "linear,knn", run, *of("linear")))
    for run in RELEASED:
        file, stream = f"released/{run}.pt", ("--stream", "all") if run == "crossclr" else ()
        judged.append(_judge(f"rows_released_{run}", "knn", file, "--method", run, *stream))
    return judged


def _further() -> list[Step]:
    scores = [f"rows_{run}/rows.linear.scores.npz" for run in ("skeletonclr", "aimclr")]
    report = "report usdrl rows_frozen/rows.json rows_detection/rows.json --out report/page.html"
    return [
        _one("fused", f"fuse {' '.join(scores)} --weights 0.6,0.4 --out fused/rows.json", 4, True),
        _one("suite", "bench suite/suite.toml --out suite/bench", 3, reads=True),
        _one("report", report, 4, reads=True),
    ]


def _one(name: str, text: str, stage: int = 1, reads: bool = False) -> Step:
    return Step(name, tuple(text.split()), stage, reads)


def _judge(name: str, protocols: str, run: str, *more: str, data: str = "clips") -> Step:
    words = ("eval", protocols, "--run", run, "--data", f"{data}/{data}.h5", "--split", "xview")
    return Step(name, (*words, "--out", f"{name}/rows.json", "--device", "cpu", *more), 3, True)
