"""Detection counts seconds of each recording, and its rules change after the fact."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from recording_fakes import CLASSES, Frames, recordings
from typer.testing import CliRunner

from skelf.cli.main import app
from skelf.data.clips import ClipSet
from skelf.errors import InputError
from skelf.layouts import KINECT20
from skelf.metrics.matching import Detections
from skelf.protocols.dense import Reader
from skelf.protocols.detection import Detection, detection
from skelf.protocols.laying import Laying
from skelf.protocols.outcome import Outcome
from skelf.protocols.recordings import Recordings, find
from skelf.protocols.rules import Counts, Rules, short_action
from skelf.protocols.windows import Windows, draw, draw_centred, frame_labels, lay
from skelf.results import scores
from skelf.results.fusion import fuse
from skelf.settings.options import flat, from_flat

FAST = {"epochs": 4, "lr": 0.1, "milestones": (), "test_every": 4}
ROW = {
    **{"protocol": "detection", "definition": "what was found", "method": "pcm3"},
    **{"form": "official", "encoder": "gru", "stream": "joint", "data": "set", "split": "half"},
    **{"seed": 0, "eval_seed": 0, "seconds": 1.0, "version": "1", "config": {"eval": {}}},
}


def at(part, fps):
    return replace(part, fps=np.broadcast_to(np.asarray(fps, np.float32), len(part)).copy())


@pytest.mark.parametrize(
    ("fps", "short", "counts"),
    [
        (30, 9.0, Counts(10, 27, 15, 2)),
        (7.5, 9.0, Counts(2, 7, 4, 0)),  # the released third of a second, not 2.8 s
        (120, 9.0, Counts(40, 108, 60, 8)),
        (30, 0.4, Counts(6, 1, 15, 2)),  # short actions: half of one
        (29.97, 9.0, Counts(10, 27, 15, 2)),
        (1, 0.5, Counts(0, 0, 1, 0)),
    ],
)
def test_times_as_frames(fps, short, counts):
    assert Rules().counts(fps, short) == counts


def test_the_released_frames_stay_whatever_the_rate():
    for fps in (7.5, 30.0, 120.0):
        assert Rules(unit="frames").counts(fps, 9.0) == Counts(10, 0, 15, 2)
        laid = Laying().laid(np.array([fps]), "frames")
        assert [int(column[0]) for column in laid[1:]] == [64, 32, 1, 0]
    centred = Laying(windows="centred", step=4, jitter=1).laid(np.array([7.5]), "frames")
    assert [int(column[0]) for column in centred[1:]] == [64, 4, 4, 1]


@pytest.mark.parametrize("fps", [7.5, 25.0, 30.0, 60.0])
def test_windows_last_as_long_at_any_rate(fps):
    rates = np.array([fps])
    assert Laying().laid(rates, "seconds").window[0] == round(64 / 30 * fps)
    laid = Laying(windows="centred", window=2.0, step=0.2, jitter=0.1).laid(rates, "seconds")
    assert abs(laid.step[0] / fps - 0.2) <= 0.5 / fps
    assert laid.window[0] == round(2 * fps) and 0 <= laid.jitter[0] < laid.step[0]
    assert Laying(window=0.01).laid(rates, "seconds").window[0] == 1


def test_a_short_action_is_one_of_the_shortest_tenth():
    segments = np.array([[0, 0, 30 * n, 0] for n in range(1, 11)] + [[1, 0, 15, 0]])
    seconds = np.array([*range(1, 11), 1])
    assert short_action(segments, np.array([30.0, 15.0])) == np.quantile(seconds, 0.1)


def test_windows_of_recordings_of_several_rates():
    """Each row as if its recording were alone."""
    frames, window, stride = np.array([100, 50, 7]), np.array([64, 32, 9]), np.array([30, 15, 4])
    numbers = np.repeat(np.arange(3), 5)
    for way in ("overlap", "disjoint", "centred"):
        together = lay(frames, way, window, stride)
        for number in range(3):
            one = slice(number, number + 1)
            alone = lay(frames[one], way, int(window[number]), int(stride[number]))
            rows = together.take(together.recording == number)
            assert [c.tolist() for c in rows[1:]] == [c.tolist() for c in alone[1:]]
    for place in (draw, draw_centred):
        drawn = place(frames, numbers, window, torch.Generator().manual_seed(0))
        assert (drawn.length == np.minimum(frames, window)[numbers]).all()


def test_a_step_of_seconds_reads_the_same_moments():
    """Twice the rate, every second frame: the encoder sees the same, in one batch."""
    joints = np.random.default_rng(0).normal(size=(40, 1, 20, 3)).astype(np.float32)
    doubled = np.repeat(joints, 2, axis=0)
    made = ClipSet.build(
        np.concatenate([joints, doubled]), [40, 80], KINECT20, fps=np.array([15.0, 30.0])
    )
    laid = Laying(windows="centred", window=1.0, step=2 / 15).laid(made.fps, "seconds")
    assert laid.window.tolist() == [15, 30] and laid.step.tolist() == [2, 4]
    reader = Reader(Frames(8), made, "cpu", centred=True, step=laid.step, window=laid.window)
    windows = Windows(*(np.array(c) for c in ([0, 1], [3, 6], [15, 30], [0, 0], [1, 1])))
    x, lengths = reader(windows)
    assert lengths.tolist() == [15, 30]
    torch.testing.assert_close(x[0], x[1])


def test_short_actions_of_slow_recordings_are_found():
    """Actions of 10 to 12 frames at 7.5 a second: smoothing by 10 frames took them away."""
    sides = [at(recordings(8, seed), 7.5) for seed in (0, 1)]
    found = {}
    for unit in ("seconds", "frames"):
        options = FAST | {"unit": unit, "window": 16 if unit == "frames" else 16 / 7.5}
        outcome = detection(Frames(16), *sides, from_flat(Detection, options))
        found[unit] = outcome.values["map_a_voc@0.5.last"]
        assert "recordings of 7.5 frames a second" in outcome.definition
    assert found["seconds"] > 0.9 > found["frames"] + 0.2


def test_frames_do_not_look_at_rates_and_seconds_need_them():
    options = FAST | {"unit": "frames", "window": 16, "smoothing": 1}
    sides = recordings(4), recordings(3, 1)
    values = [
        detection(Frames(16), *(at(side, fps) for side in sides), from_flat(Detection, options))
        for fps in (30.0, 7.5, 0.0)
    ]
    assert values[0].values == values[1].values == values[2].values
    for wrong in (0.0, np.nan, np.inf, -1.0):
        for pair in ((at(sides[0], wrong), sides[1]), (sides[0], at(sides[1], wrong))):
            with pytest.raises(InputError, match=r"fps of recording 0.*eval\.unit=frames"):
                detection(Frames(), *pair)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 64}, r"eval\.window: 64 seconds; it is at most 15.*eval\.unit=frames"),
        ({"stride": 32}, r"eval\.stride: 32 seconds"),
        ({"smoothing": 10}, r"eval\.smoothing: 10 seconds"),
        ({"shortest": 20}, r"eval\.shortest: 20 seconds"),
        ({"unit": "frames", "window": 16.5}, r"eval\.window: 16\.5 frames.*whole"),
        ({"unit": "frames", "smoothing": 0.3}, r"eval\.smoothing: 0\.3 frames.*whole"),
        ({"unit": "frames", "shortest": float("inf")}, r"eval\.shortest: "),
        ({"unit": "hours"}, r"eval\.unit: "),
        ({"windows": "centred", "jitter": 0.1, "tune": True}, r"eval\.jitter: it moves eval\.step"),
        ({"window": 1.0, "stride": 1.5}, r"eval\.stride: .* windows of 30 leave frames"),
    ],
)
def test_wrong_times(options, message):
    with pytest.raises(InputError, match=message):
        detection(Frames(), recordings(2), recordings(2), from_flat(Detection, options))


def test_detections_that_are_too_short_go():
    p = np.zeros((60, 2))
    p[:, 0], p[10:13], p[30:50] = 1, [0, 1], [0, 1]
    for shortest, starts in ((None, [10, 30]), (0.1, [10, 30]), (0.12, [30]), (1.0, [])):
        rules = Rules(smoothing=0, proposals="background", shortest=shortest)
        found = find(p, np.array([60]), rules, [rules.counts(30, 1.0)])
        assert found.start.tolist() == starts
    rules = Rules(smoothing=0, proposals="background")  # by the actions: a tenth of 2 s
    assert find(p, np.array([60]), rules, [rules.counts(30, 2.0)]).start.tolist() == [30]


def test_the_released_growing_rule_sees_padding_behind_a_recording():
    p = np.eye(3)[[0] * 10 + [2] * 25]
    rules = Rules(unit="frames", smoothing=0, proposals="growing-official")
    found = find(p, np.array([35]), rules, [rules.counts(30, 1.0)])
    assert (found.start.tolist(), found.end.tolist(), found.label.tolist()) == ([10], [34], [1])


def test_what_is_said_of_classes():
    judged = recordings(4, 1)
    named = replace(judged, class_names=(*judged.class_names, "class 3"))
    options = from_flat(Detection, FAST | {"window": 0.5})
    outcome = detection(Frames(), recordings(used=[0, 1]), named, options)
    assert "3 of 4 classes and 4 of 4 recordings" in outcome.definition


def kept(rules, seed=0, fps=(30, 15)):
    rng = np.random.default_rng(seed)
    frames, segments = np.array([90, 45]), np.array([[0, 5, 15, 0], [0, 45, 76, 2], [1, 4, 14, 1]])
    labels = frame_labels(frames, segments)
    p = rng.random((len(labels), CLASSES + 1)) ** 3
    p[np.arange(len(labels)), labels] += 0.35
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
    return Recordings(frames, {"last": p}, segments, rules, np.array(fps, np.float32), 0.5)


class Test:
    """What is saved of a test split."""

    names = ("one", "two")
    label = np.array([-1, -1])
    segments = np.array([[0, 5, 15, 0], [0, 45, 76, 2], [1, 4, 14, 1]])
    class_names = tuple(f"class {i}" for i in range(CLASSES))


def put(path: Path, made: Recordings, **row) -> Path:
    outcome = Outcome(made.values(), None, np.empty(0), "", recordings=made)
    assert scores.save(path, outcome, Test, ROW | row)
    return path


@pytest.mark.parametrize(
    ("overrides", "rules"),
    [
        ([], Rules()),
        (["eval.smoothing=0"], Rules(smoothing=0)),
        (["eval.detection.smoothing=0.1", "eval.shortest=0"], Rules(smoothing=0.1, shortest=0)),
        (["eval.proposals=background"], Rules(proposals="background")),
        (["eval.proposals=class", "eval.threshold=0.2"], Rules(proposals="class", threshold=0.2)),
        (["eval.unit=frames"], Rules(unit="frames")),
        (["eval.pku_official=true", "eval.tious=[0.3]"], Rules(pku_official=True, tious=(0.3,))),
    ],
)
def test_one_file_is_judged_by_other_rules(tmp_path, overrides, rules):
    path = put(tmp_path / "a.npz", kept(Rules()))
    rows = fuse([path], overrides=overrides, out=tmp_path / "again.json")
    written = json.loads((tmp_path / "again.json").read_text())
    assert [{k: v for k, v in row.items() if k != "checksum"} for row in written] == rows
    expected = kept(rules).values()
    assert {f"{row['metric']}.{row['selection']}": row["value"] for row in rows} == expected
    assert rows[0]["config"]["inputs"][0]["values"] == kept(Rules()).values()
    assert kept(rules).describe() in rows[0]["definition"]
    assert rows[0]["config"]["eval"]["unit"] == rules.unit


def test_thresholds_go_with_their_rule_and_times_with_their_unit():
    rules = Rules(proposals="class", threshold=0.3, smoothing=0.2, shortest=0.1)
    other = rules.changed({"proposals": "background"}, source={})
    assert flat(other) == flat(replace(rules, proposals="background", threshold=None))
    assert rules.changed({"proposals": "class"}, source={}).threshold == 0.3
    frames = rules.changed({"unit": "frames", "smoothing": 4}, source={})
    assert (frames.smoothing, frames.shortest) == (4, None)


def test_several_files_by_other_rules(tmp_path):
    files = [
        put(tmp_path / f"{n}.npz", kept(Rules(smoothing=n / 10), n), stream=name)
        for n, name in enumerate(("joint", "bone"))
    ]
    with pytest.raises(InputError, match=r"eval\.smoothing"):
        fuse(files)
    rows = fuse(files, overrides=["eval.smoothing=0.1"])
    alone = [source["values"] for source in rows[0]["config"]["inputs"]]
    assert alone == [kept(Rules(smoothing=0.1), n).values() for n in range(2)]
    other = put(tmp_path / "c.npz", kept(Rules(smoothing=0), 1, fps=(30, 30)))
    with pytest.raises(InputError, match=r"fps\[1\] differ: 15\.0 and 30\.0"):
        fuse([files[0], other])


def test_what_cannot_be_judged_again(tmp_path):
    path = put(tmp_path / "a.npz", kept(Rules()))
    classes = tmp_path / "b.npz"
    outcome = Outcome({"top1.last": 1.0}, np.eye(2), np.arange(2), "")
    test = ClipSet.build(
        np.ones((2, 1, 20, 3)), [1, 1], KINECT20, class_names=["a", "b"], label=[0, 1]
    )
    assert scores.save(classes, outcome, test, ROW)
    for files, overrides, message in (
        ([], [], "no files of scores"),
        ([classes], [], r"b\.npz alone: fusion needs two or more"),
        ([classes, classes], ["eval.smoothing=0"], r"b\.npz: class scores have no rules"),
        ([path], ["eval.window=1"], r"unknown key 'eval\.window'"),
        ([path], ["train.lr=1"], r"only eval\.\* can change"),
        ([path], ["eval.smoothing=10"], r"10 seconds"),
        ([path], ["eval.threshold=2"], r"eval\.threshold"),
    ):
        with pytest.raises(InputError, match=message):
            fuse(files, overrides=overrides)
    frames = put(tmp_path / "c.npz", kept(Rules(unit="frames"), fps=(0, 0)))
    assert fuse([frames], overrides=["eval.smoothing=0"])
    with pytest.raises(InputError, match=r"c\.npz: fps of recording 0"):
        fuse([frames], overrides=["eval.unit=seconds"])


def test_the_command_judges_one_file_again(tmp_path):
    path = put(tmp_path / "a.npz", kept(Rules()))
    result = CliRunner().invoke(app, ["fuse", str(path), "eval.smoothing=0"])
    assert result.exit_code == 0, result.output
    assert "joint, as saved" in result.output and "judged again" in result.output


def slow_pku_official(truth, detections, tiou):
    """Sources E10 by the released loops: of equal overlaps the last, without truth 0."""
    rows = sorted(zip(*detections, strict=True), key=lambda row: row[4])
    nearest = []
    for recording, start, end, label, _ in rows:
        best, of = tiou, None
        for g, (where, s, e, k) in enumerate(truth):
            if (where, k) == (recording, label):
                overlap = (min(end, e) - max(start, s)) / (max(end, e) - min(start, s))
                if overlap >= best:
                    best, of = overlap, g
        nearest.append(of)
    area, best, recall = 0.0, 0.0, None
    for n in range(len(rows) + 1):
        left = nearest[n:]
        hits = len({g for g in left if g is not None})
        precision = hits / len(left) if left and len(truth) else 0.0
        if recall is None:
            best = precision
        elif nearest[n - 1] is not None:
            best = max(best, precision)
            area += best * (recall - hits) / len(truth)
        recall = hits
    return area


@pytest.mark.parametrize(("over", "column"), [("action", 3), ("video", 0)])
def test_the_released_mean_against_a_slow_loop(over, column):
    from skelf.metrics.detection import average_precisions, mean_ap, mean_aps

    rng, ties = np.random.default_rng(0), 0
    for _ in range(40):
        truth = [(r, s, s + 6, int(rng.integers(2))) for r in (0, 2) for s in range(0, 60, 8)]
        truth = np.array([row for row in truth if rng.random() < 0.7] or truth[:1])
        start = rng.integers(0, 60, 30)
        found = Detections(
            rng.integers(0, 4, 30), start, start + rng.integers(6, 30, 30),
            rng.integers(0, 3, 30), rng.integers(0, 9, 30) / 8,
        )  # fmt: skip
        expected = {
            group: slow_pku_official(
                truth[truth[:, column] == group], found.take(found[column] == group), 0.1
            )
            for group in range(5)
        }
        numbers = {"definition": "pku_official", "over": over, "groups": 5}
        values = average_precisions(truth, found, 0.1, **numbers)
        assert values == pytest.approx(expected, abs=1e-12)
        assert values.keys() == set(range(5))
        mean = np.mean(list(expected.values()))
        assert mean_ap(truth, found, 0.1, **numbers) == pytest.approx(mean)
        together = mean_aps(truth, found, [0.5, 0.1], classes=5, recordings=5)
        assert together[over, "pku_official"][1] == pytest.approx(mean)
        first = average_precisions(truth, found, 0.1, definition="pku", over=over)
        ties += any(abs(first[group] - values[group]) > 1e-9 for group in first)
        for groups in (None, 1):
            with pytest.raises(InputError, match="groups: "):
                average_precisions(truth, found, 0.1, **(numbers | {"groups": groups}))
        with pytest.raises(InputError, match="groups: voc has no use"):
            average_precisions(truth, found, 0.1, definition="voc", over=over, groups=5)
    assert ties > 0


def test_a_tie_goes_to_the_last_and_absent_ones_count_0():
    """A detection halfway between two segments, one of which another detection has as well."""
    from skelf.metrics.detection import average_precisions, mean_ap

    truth = np.array([[0, 0, 10, 0], [0, 10, 20, 0]])
    found = Detections(*map(np.array, ([0, 0], [5, 0], [15, 10], [0, 0], [0.9, 0.5])))
    how = {"tiou": 0.3, "over": "action"}
    assert average_precisions(truth, found, definition="pku", **how) == {0: 0.5}
    official = average_precisions(truth, found, definition="pku_official", groups=4, **how)
    assert official == {0: 1.0, 1: 0.0, 2: 0.0, 3: 0.0}
    assert mean_ap(truth, found, definition="pku_official", groups=4, **how) == 0.25


def test_the_released_mean_of_a_result_counts_everyone():
    made = kept(Rules(pku_official=True, tious=(0.5,)))
    more = np.pad(made.probabilities["last"], ((0, 0), (0, 3)))
    more = made._replace(probabilities={"last": more})
    values = more.judge("last")
    assert values["map_a_pku_official@0.5"] == pytest.approx(values["map_a_pku@0.5"] / 2)
    assert values["map_v_pku_official@0.5"] == pytest.approx(values["map_v_pku@0.5"])
    assert not any("official" in name for name in kept(Rules()).judge("last"))
