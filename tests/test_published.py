"""Published numbers: complete, sourced, and as printed."""

import re

import pytest

from skelf.results.published import everything, published

SETS = {
    "ntu60": {"xsub", "xview"},
    "ntu120": {"xsub", "xset"},
    "pkummd1": {"xsub"},
    "pkummd2": {"xsub"},
}
STREAMS = {"", "joint", "motion", "bone", "joint+motion", "joint+motion+bone"}


def test_every_number_has_a_source_and_a_place():
    rows = everything()
    assert len(rows) > 400
    for one in rows:
        assert one.source and one.method and one.metric and one.protocol, one
        assert one.split in SETS[one.data] and one.stream in STREAMS, one
        assert 0.05 < one.value < 1, one
        assert one.stream or one.note, one  # why no stream is named
        assert not re.search(r"\d+M$", one.method), one  # a number of parameters is no name


def test_none_is_there_twice():
    keys = [one._replace(value=0.0, note="") for one in everything()]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("protocol", "metric", "method", "stream", "data", "split", "value", "source"),
    [
        ("linear", "top1", "USDRL (DSTE)", "joint", "ntu60", "xsub", 0.852, "USDRL), Table 1"),
        (
            "linear",
            "top1",
            "USDRL (DSTE)",
            "joint+motion+bone",
            "pkummd2",
            "xsub",
            0.597,
            "Table 1",
        ),
        ("linear", "top1", "ViA", "joint+motion", "ntu120", "xset", 0.669, "USDRL), Table 1"),
        ("linear", "top1", "AimCLR", "joint", "ntu60", "xview", 0.797, "AimCLR), Table 2"),
        ("linear", "top1", "AimCLR", "joint+motion+bone", "ntu120", "xsub", 0.682, "Table 6"),
        ("linear", "top1", "AimCLR", "bone", "pkummd1", "xsub", 0.8203, "README"),
        ("semi", "top1.1%", "USDRL (STTR)", "", "ntu60", "xview", 0.591, "USDRL), Table 2"),
        ("semi", "top1.10%", "AimCLR", "joint+motion+bone", "pkummd2", "xsub", 0.334, "Table 7"),
        ("retrieval", "precision@1", "PCM3", "", "ntu120", "xset", 0.668, "USDRL), Table 3"),
        ("detection", "map_v@0.5", "USDRL (DSTE)", "", "pkummd1", "xsub", 0.749, "Table 4"),
        ("detection", "map@0.1", "PCM3++", "", "pkummd1", "xsub", 0.762, "PCM3++), Table 2"),
        ("finetune", "top1", "AimCLR", "bone", "ntu120", "xset", 0.767, "AimCLR), Table 8"),
        ("occlusion", "top1.temporal", "PCM3++", "", "ntu60", "xview", 0.882, "Table 2"),
        ("linear", "top1", "MacDiff", "joint", "ntu120", "xset", 0.802, "FoundSkelModel"),
        ("linear", "top1", "IGM", "joint", "ntu60", "xsub", 0.862, "FoundSkelModel"),
        ("linear", "top1", "SCD-Net", "joint", "pkummd2", "xsub", 0.54, "FoundSkelModel"),
        ("linear", "top1", "S-JEPA", "joint", "pkummd1", "xsub", 0.922, "S-JEPA), Table 1"),
        ("finetune", "top1", "S-JEPA", "joint", "ntu120", "xsub", 0.903, "S-JEPA), Table 2"),
        ("linear", "top1", "SLiM", "", "ntu60", "xview", 0.932, "README of KAIST-VICLab/SLiM"),
        ("linear", "top1", "GFP", "", "ntu60", "xsub", 0.859, "README of KAIST-VICLab/SLiM"),
        ("retrieval", "precision@1", "STARS", "", "ntu120", "xset", 0.677, "README"),
        ("retrieval", "precision@1", "SCD-Net", "", "ntu60", "xsub", 0.76163, "n60_cb_retrieval"),
        ("fewshot", "accuracy.5way1shot.svm", "PCM3++", "", "ntu120", "xset", 0.696, "Table 2"),
    ],
)
def test_known_numbers(protocol, metric, method, stream, data, split, value, source):
    found = [
        one
        for one in published(data, split, protocol)
        if (one.metric, one.method, one.stream) == (metric, method, stream)
    ]
    assert any(one.value == value and source in one.source for one in found), found


def test_selection():
    rows = published("ntu60", "xview", "retrieval")
    assert rows and {one[0] for one in rows} == {"retrieval"}
    assert {(one.data, one.split) for one in rows} == {("ntu60", "xview")}
    assert len(published("ntu60")) > len(published("ntu60", "xview")) > len(rows)
    assert published("nw_ucla") == []
