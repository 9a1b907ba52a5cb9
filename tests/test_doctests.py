"""The examples in docstrings run, and the functions that users call have one."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest
import torch

PACKAGE = Path(__file__).parents[1] / "skelf"
MODULES = sorted(
    ".".join(["skelf", *file.relative_to(PACKAGE).with_suffix("").parts])
    for file in PACKAGE.rglob("*.py")
    if "    >>> " in file.read_text(encoding="utf-8")
)
CALLED = {
    "skelf": ("pretrain", "evaluate", "load", "from_pretrained", "load_official", "fuse"),
    "skelf.data.clips": (
        "ClipSet.build", "ClipSet.open", "ClipSet.save", "ClipSet.split", "ClipSet.with_split",
        "ClipSet.take", "ClipSet.clip",
    ),
    "skelf.data.batch": ("ClipBatches",),
    "skelf.data.normalize_names": ("expand", "same", "keeping_time"),
    "skelf.data.normalize_default": ("choose", "of_authors"),
    "skelf.data.splits": ("select",),
    "skelf.data.synthetic.clips": ("generate",),
    "skelf.skeleton": ("Skeleton",),
    "skelf.layouts": ("layout",),
    "skelf.streams": ("derive",),
    "skelf.protocols.features": ("extract",),
    "skelf.protocols.fitting": ("fitting",),
    "skelf.protocols.similarity": ("centred",),
    "skelf.protocols.early": ("beginning",),
    "skelf.protocols.knn": ("knn_scores",),
    "skelf.metrics.classes": ("topk_accuracy",),
    "skelf.metrics.detection": ("average_precision_voc", "average_precision_pku", "mean_ap"),
    "skelf.metrics.matching": ("match",),
    "skelf.metrics.roc": ("pairs", "half_width"),
    "skelf.metrics.segmentation": ("edit_score", "f1_at"),
    "skelf.augment.basic": ("crop_resize", "map_joints", "resize"),
    "skelf.augment.usdrl": ("draw_views",),
    "skelf.augment.occlusion": ("hide_joints",),
    "skelf.losses.contrastive": ("info_nce",),
    "skelf.losses.decorrelation": ("decorrelation",),
    "skelf.losses.distillation": ("relational",),
    "skelf.losses.reconstruction": ("masked_error",),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where examples write
    with torch.random.fork_rng():
        result = doctest.testmod(import_module(name))
    assert result.attempted and not result.failed


@pytest.mark.parametrize("name", ["linear", "knn", "retrieval", "early"])
def test_protocols_have_examples(name: str) -> None:
    from skelf.protocols import PROTOCOLS

    assert ">>> " in (PROTOCOLS[name].__doc__ or "")


@pytest.mark.parametrize("module", CALLED)
def test_what_users_call_has_an_example(module: str) -> None:
    for path in CALLED[module]:
        value = import_module(module)
        for part in path.split("."):
            value = getattr(value, part)
        assert ">>> " in (value.__doc__ or ""), f"{module}.{path}"
