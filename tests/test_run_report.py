"""`skelf report`: what it finds, what it averages, what it says of damaged files, what it draws."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import statistics
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from report_runs import config, put_rows, put_run, row, trained
from test_cli import good, refused
from test_plots import HOSTILE, Tags

from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.layouts import NTU25
from skelf.metrics.chance import chance
from skelf.pages import plots, svg
from skelf.protocols.outcome import Outcome
from skelf.protocols.recordings import CHOSEN_BY, Recordings
from skelf.protocols.rules import Rules
from skelf.protocols.similarity import centred, cosine_blocks
from skelf.report import curves as run_curves
from skelf.report.gather import gather
from skelf.report.setup import name_setups, setup_of
from skelf.report.write import write_report
from skelf.results import recordings as scores_recordings
from skelf.results import scores
from skelf.results.fusion import fuse


def page_of(place: Path, **options: Any) -> tuple[str, list[str]]:
    out = place.parent / f"{place.name}.html"
    path, notes = write_report([place], out, **options)
    text = path.read_text(encoding="utf-8")
    Tags(text)  # every tag closes
    return text, notes


def headings(text: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", text)


def setup(**given: Any):
    made = config(**given)
    return setup_of(made, made["input"]["stream"], ("made", "half"))


def test_seed_and_device_make_no_setup_but_settings_do() -> None:
    assert setup(seed=0) == setup(seed=5) == setup(train__devices="cuda", seed=1)
    assert setup(views__crop=None) == setup()  # as an older version, which did not know it
    assert len({setup(), setup(encoder__alpha=0.3), setup(stream="bone"), setup(method="b")}) == 4


def test_setups_are_named_by_what_they_have_unlike_most() -> None:
    made = [setup(encoder__alpha=a) for a in (0.5, 0.25)]
    assert sorted(name_setups(made).values()) == ["usdrl · alpha=0.25", "usdrl · alpha=0.5"]
    more = [*made, setup(encoder__alpha=0.5, stream="bone"), setup(method="aimclr")]
    assert sorted(name_setups(more).values()) == [
        "aimclr · joint", "usdrl · bone", "usdrl · joint", "usdrl · joint · alpha=0.25",
    ]  # fmt: skip
    assert list(name_setups([setup()]).values()) == ["usdrl"]


def put_cell(folder: Path, name: str, row_name: str) -> None:
    """What a benchmark writes beside a cell's files."""
    stored = {"settings": {}, "done": True, "row": row_name}
    (folder / f"cell_{name}.json").write_text(json.dumps(stored))


def test_rows_of_a_suite_keep_their_names(tmp_path: Path) -> None:
    """Two rows of one method and one config, a result judged by hand, one from elsewhere."""
    for number, name in enumerate(("PCM3 + clip", "PCM3++")):
        run = put_run(tmp_path / "in" / str(number), [3.0, 2.0], method="pcm3")
        put_rows(run / "results_linear.json", row(0.5 + number / 10, method="pcm3"))
        put_cell(run, "pretrain", name)
        put_cell(run, "linear", name)
        put_rows(run / "by_hand.json", row(0.3, method="pcm3", protocol="knn"))
    put_run(tmp_path / "in" / "2", [1.0], method="aimclr")
    put_cell(tmp_path / "in" / "2", "pretrain", "ours")
    put_rows(tmp_path / "in" / "results.json", row(0.2, method="aimclr"))
    put_rows(tmp_path / "in" / "results_b.json", row(0.2, method="usdrl"))
    hand = [tmp_path / "in" / str(number) / "by_hand.json" for number in range(2)]
    evidence = gather([tmp_path / "in", *hand])
    assert evidence.notes == []
    assert set(evidence.names.values()) == {"PCM3 + clip", "PCM3++", "ours", "usdrl"}
    values = {evidence.names[r.setup]: r.value for r in evidence.rows if r.protocol == "linear"}
    assert values == {"PCM3 + clip": 0.5, "PCM3++": 0.6, "ours": 0.2, "usdrl": 0.2}
    assert [evidence.names[r.setup] for r in evidence.rows if r.protocol == "knn"] == [
        "PCM3 + clip",
        "PCM3++",
    ]
    text, _ = page_of(tmp_path / "in")
    assert "<td>PCM3++</td>" in text


def test_a_damaged_or_older_cell_names_nothing(tmp_path: Path) -> None:
    path = put_rows(tmp_path / "results_linear.json", row(0.5))
    for content in ("{", "[]", "{}", '{"row": 3}'):
        (tmp_path / "cell_linear.json").write_text(content)
        assert list(gather([path]).names.values()) == ["usdrl"]


def test_names_of_many_setups_are_unlike_each_other() -> None:
    made = [
        setup(**{f"views__{k}": v for k, v in zip("abcdefg", bits, strict=True)})
        for bits in itertools.product([1, 2], repeat=7)
    ]
    names = name_setups(made)
    assert len(set(names.values())) == len(names) == 128


def test_table_averages_over_seeds_and_shows_untrained_beside(tmp_path: Path) -> None:
    values, fresh = [0.611, 0.702, 0.648], [0.4, 0.5, 0.47]
    for seed in range(3):
        put_rows(
            tmp_path / "in" / str(seed) / "results.json",
            row(values[seed], seed=seed),
            row(fresh[seed], untrained=True, seed=seed),
            row(0.1, encoder__alpha=0.9, seed=seed),
        )
    text, notes = page_of(tmp_path / "in")
    assert notes == []
    assert headings(text) == ["What was run", "Results"]
    mean, deviation = 100 * statistics.mean(values), 100 * statistics.stdev(values)
    below = f"{100 * statistics.mean(fresh):.1f} ± {100 * statistics.stdev(fresh):.1f} %"
    assert f">{mean:.1f} ± {deviation:.1f} %<small>untrained {below}</small>" in text
    assert "linear top1 (last epoch)" in text
    assert "accuracy of a judge" in text


def test_accuracies_have_intervals_and_few_clips_are_said(tmp_path: Path) -> None:
    put_rows(
        tmp_path / "in" / "results.json",
        row(2 / 3, clips=3),
        row(1 / 3, untrained=True, clips=3),
        row(0.5, protocol="retrieval", metric="map", selection="none", clips=3),
    )
    text, _ = page_of(tmp_path / "in")
    assert "66.7 %<small>20.8–93.9 %, 3 clips</small>" in text
    assert "From only 3 test clips: see the intervals." in text
    assert "50.0 %<small>3 clips</small>" in text  # its interval is another one
    assert "best" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    # Seeds give no more clips; the untrained number has its own.
    rows = [row(v, seed=s, clips=100) for s, v in enumerate((0.6, 0.7))]
    put_rows(tmp_path / "two" / "results.json", *rows, row(0.1, encoder__alpha=0.9, clips=100),
             row(0.2, untrained=True, clips=100))  # fmt: skip
    text, _ = page_of(tmp_path / "two")
    assert "65.0 ± 7.1 %<small>55.3–73.6 %, 100 clips</small>" in text
    assert "<small>untrained 20.0 % (13.3–28.9 %, 100 clips)</small>" in text
    assert "only" not in text


def test_confusions_show_the_classes_that_occur(tmp_path: Path) -> None:
    """Of 60 classes three have clips, and one of the others is guessed."""
    guesses = np.zeros((6, 60), np.float32)
    guesses[range(6), [4, 4, 9, 9, 31, 31]] = 1
    labels = np.array([4, 4, 9, 9, 9, 20])
    test = SimpleNamespace(
        names=list("abcdef"), class_names=[f"A{k}" for k in range(60)], label=labels
    )
    outcome = Outcome({"top1.last": 2 / 3}, guesses, labels, "a judge")
    one = row(2 / 3)
    put_rows(tmp_path / "in" / "results.json", one)
    saved = {key: value for key, value in one.items() if key not in ("metric", "value")}
    scores.save(tmp_path / "in" / "results.linear.scores.npz", outcome, test, saved)
    text, notes = page_of(tmp_path / "in")
    assert notes == []
    assert "Left out: 56 classes without a test clip that were never guessed." in text
    drawn = text[text.index("What is taken for what") :]
    names = [f"A{k}" for k in range(60) if f">A{k}<" in drawn]
    assert names == ["A4", "A9", "A20", "A31"]


def test_one_setup_has_a_line_for_each_measure(tmp_path: Path) -> None:
    put_rows(
        tmp_path / "in" / "results.json",
        row(0.6),
        row(0.4, untrained=True),
        row(0.3, protocol="retrieval", metric="map", selection="none"),
    )
    text, _ = page_of(tmp_path / "in")
    table = text[text.index("<table>") : text.index("</table>")]
    assert re.findall(r"<th [^>]*>(.*?)</th>", table) == ["Measure", "Trained", "Untrained"]
    lines = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in table.split("<tr>")[2:]]
    assert lines == [
        ["linear top1 (last epoch)", "60.0 %", "40.0 %"],
        ["retrieval map", "30.0 %", "–"],
    ]


def test_chance_stands_beside_the_numbers_of_the_store_alone(tmp_path: Path) -> None:
    data = ClipSet.open(trained() / "tiny.h5")
    train, test = (side.label for side in data.split("half"))
    guesses = chance(train, test, len(data.class_names))
    rows = [
        row(0.6, data="tiny"),
        row(0.5, data="tiny", protocol="retrieval", metric="map", selection="none"),
        row(0.4, data="tiny", protocol="detection", metric="map", selection="none"),
    ]
    put_run(tmp_path / "in" / "run", [1.0])
    put_rows(tmp_path / "in" / "results.json", *rows, row(0.7, data="other"))
    text, _ = page_of(tmp_path / "in", data=data, split="half")
    tables = [t[: t.index("</table>")] for t in text.split("<table>")[1:3]]
    other, own = (re.findall(r"<td[^>]*>(.*?)</td>", table) for table in tables)
    assert other == ["linear top1 (last epoch)", "70.0 %"]
    told = [f"{100 * guesses[key]:.1f} %" for key in ("top1", "map")]
    assert own[2::3] == [*told, "–"]
    # With several setups it is a line of its own.
    put_rows(tmp_path / "in" / "results_more.json", row(0.6, data="tiny", encoder__alpha=0.9))
    text, _ = page_of(tmp_path / "in", data=data, split="half")
    line = text[text.rindex("<tr", 0, text.index(">Chance</td>")) :].split("</tr>")[0]
    assert re.findall(r"<td[^>]*>(.*?)</td>", line) == ["Chance", *told, "–", "–"]


def test_numbers_of_other_protocol_settings_are_not_averaged(tmp_path: Path) -> None:
    one, other = row(0.2), row(0.8, seed=1)
    other["config"]["eval"]["lr"] = 0.01
    put_rows(tmp_path / "in" / "results.json", one, other)
    text, _ = page_of(tmp_path / "in")
    assert "linear top1 (last epoch, lr=0.1)" in text
    assert "linear top1 (last epoch, lr=0.01)" in text
    assert "50.0" not in text


def test_a_number_found_twice_counts_once_and_a_contradiction_is_said(tmp_path: Path) -> None:
    put_rows(tmp_path / "in" / "a" / "results.json", row(0.5), row(0.7, seed=1))
    shutil.copytree(tmp_path / "in" / "a", tmp_path / "in" / "b")
    found = gather([tmp_path / "in", tmp_path / "in" / "a"])
    assert found.notes == []
    text, _ = page_of(tmp_path / "in")
    assert "60.0 ± 14.1 %" in text
    put_rows(tmp_path / "in" / "c" / "results.json", row(0.6))
    text, notes = page_of(tmp_path / "in")
    assert "more than once with different values" in notes[0]
    assert "65.0 ± 7.1 %" in text


def test_test_sets_stand_apart(tmp_path: Path) -> None:
    put_rows(tmp_path / "in" / "results.json", row(0.5), row(0.7, data="other"))
    text, _ = page_of(tmp_path / "in")
    assert re.findall(r"<h3>(.*?)</h3>", text) == ["made half", "other half"]
    assert "50.0 %" in text and "70.0 %" in text and "60.0 %" not in text


def test_rows_take_the_source_of_the_run_they_lie_in(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run = put_run(tmp_path / "in" / name, [1.0], source__data=name)
        put_rows(run / "results.json", row(0.5, data="judged"))
    found = gather([tmp_path / "in"])
    assert sorted(found.names.values()) == ["usdrl · a", "usdrl · b"]
    assert {r.setup for r in found.rows} == {r.setup for r in found.runs}


def test_curves_are_the_mean_over_seeds_and_begin_untrained(tmp_path: Path) -> None:
    losses = [[3.0, 2.0, 1.0], [5.0, 2.5]]
    for seed, own in enumerate(losses):
        put_run(tmp_path / "in" / str(seed), own, [0.2 + 0.1 * seed, 0.5], seed=seed)
    put_rows(
        tmp_path / "in" / "results.json", row(0.1, True, protocol="knn", selection="none", seed=0)
    )
    found = gather([tmp_path / "in"])
    series, bands = run_curves._over_seeds(found, "epoch", "loss", found.names)
    assert series == {"usdrl": ([1.0, 2.0, 3.0], [4.0, 2.25, 1.0])}
    assert bands["usdrl"] == pytest.approx([np.std([3, 5], ddof=1), np.std([2, 2.5], ddof=1), 0])
    text, _ = page_of(tmp_path / "in")
    assert headings(text) == ["What was run", "Results", "k-NN while they trained", "Loss"]
    assert "Epoch 0 is the encoder before training" in text
    assert "usdrl: 50.0 %" in text
    assert "2 to 3 of 3" in text


def test_terms_of_a_later_stage_are_drawn_too(tmp_path: Path) -> None:
    run = put_run(tmp_path / "in" / "run", [])
    stages = [{"info_nce": 2.0, "matching": 1.0}, {"mining": 1.5, "matching": 0.5}]
    lines = [
        {"event": "epoch", "epoch": epoch, "step": 9, "loss": sum(terms.values()), **terms}
        for epoch, terms in enumerate(stages)
    ]
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    text, _ = page_of(tmp_path / "in")
    assert all(f">{term}</" in text for term in ("info nce", "mining", "matching"))


def test_signs_are_drawn_and_a_run_s_own_start_is_epoch_0(tmp_path: Path) -> None:
    run = put_run(tmp_path / "in" / "run", [2.0, 1.0])
    readings = [
        {"event": "monitor", "epoch": epoch, "step": 9, "knn_top1": knn, "effective_rank": rank}
        for epoch, knn, rank in ((-1, 0.3, 7.0), (1, 0.5, 9.0))
    ]
    with (run / "log.jsonl").open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in readings)
    put_rows(tmp_path / "in" / "results.json", row(0.1, True, protocol="knn", selection="none"))
    found = gather([tmp_path / "in"])
    assert not found.notes
    for key, values in (("knn_top1", [0.3, 0.5]), ("effective_rank", [7.0, 9.0])):
        series, _ = run_curves._over_seeds(found, "monitor", key, found.names)
        if key == "knn_top1":
            run_curves._from_untrained(found, series, {})
        assert series == {"usdrl": ([0.0, 2.0], values)}
    text, _ = page_of(tmp_path / "in")
    assert "Signs without labels" in headings(text) and ">Effective rank of clips</" in text
    assert "Epoch 0 is the encoder before training" in text and "Uniformity" not in text


def test_untrained_k_nn_of_other_settings_is_not_epoch_0(tmp_path: Path) -> None:
    put_run(tmp_path / "in" / "run", [1.0], [0.4])
    other = row(0.1, True, protocol="knn", selection="none")
    other["config"]["eval"] = {"k": 1}
    put_rows(tmp_path / "in" / "results.json", other)
    assert "Epoch 0 is" not in page_of(tmp_path / "in")[0]


def test_sections_without_content_are_left_out(tmp_path: Path) -> None:
    put_run(tmp_path / "in" / "run", [])
    text, _ = page_of(tmp_path / "in")
    assert headings(text) == ["What was run"]
    assert "0 of 3" in text
    assert "<script" not in text


BROKEN = {
    "log line": ("run/log.jsonl", '{"event": "epo\n[1]\n{"event": "epoch", "epoch": 1e400}\n', 3),
    "log epoch": ("run/log.jsonl", '{"event": "epoch", "epoch": -1, "loss": 1}\n', 1),
    "log deep": ("run/log.jsonl", "[" * 100_000 + "\n", 1),
    "config": ("run/config.json", '{"method": ', None),
    "config list": ("run/config.json", "[]", None),
    "config empty": ("run/config.json", "{}", None),
    "config odd": ("run/config.json", '{"method": {"name": "a"}, "encoder": 3, "input": {}}', None),
    "results cut": ("results_b.json", '[{"protocol": "li', None),
    "results object": ("results_b.json", '{"a": 1}', None),
    "results empty": ("results_b.json", "[]", None),
    "results deep": ("results_b.json", "[" * 100_000, None),
    "rows of text": ("results_b.json", '["a", 1, null]', 3),
    "rows of old": ("results_b.json", '[{"task": "linear", "accuracy": 0.5}]', 1),
    "row percent": ("results_b.json", json.dumps([row(61.2)]), 1),
    "row NaN": ("results_b.json", json.dumps([row(float("nan"))]), 1),
    "row config": ("results_b.json", json.dumps([row(0.1) | {"config": 7}]), 1),
    "row inputs": ("results_b.json", json.dumps([row(0.1) | {"config": {"inputs": [3]}}]), 1),
    "scores": ("results.linear.scores.npz", "PK not really", None),
}


@pytest.mark.parametrize("what", BROKEN)
def test_damaged_files_become_remarks(tmp_path: Path, what: str) -> None:
    run = put_run(tmp_path / "in" / "run", [3.0, 2.0], [0.1, 0.2])
    put_run(tmp_path / "in" / "sound", [1.0, 0.5], [0.3, 0.4], seed=1)
    put_rows(tmp_path / "in" / "results.json", row(0.123))
    file, content, count = BROKEN[what]
    path = tmp_path / "in" / file
    good_lines = path.read_text() if path.suffix == ".jsonl" else ""
    path.write_text(content + good_lines)
    text, notes = page_of(tmp_path / "in")
    assert len(notes) == 1, notes
    assert path.name in notes[0]
    assert count is None or str(count) in notes[0]
    assert "12.3 %" in text
    assert headings(text)[-1] == "Remarks" and "1 remark" in text
    if path.suffix == ".jsonl":  # the lines after the damaged one are there
        assert len(gather([run]).runs[0].events) == 4


def test_a_last_line_cut_short_is_no_remark(tmp_path: Path) -> None:
    run = put_run(tmp_path / "in" / "run", [3.0, 2.0])
    with (run / "log.jsonl").open("a") as file:
        file.write('{"event": "epoch", "ep')
    assert gather([run]).notes == []
    assert len(gather([run]).runs[0].events) == 2


def test_later_account_of_an_epoch_stands(tmp_path: Path) -> None:
    run = put_run(tmp_path / "run", [3.0, 2.0])
    with (run / "log.jsonl").open("a") as file:
        file.write('{"event": "epoch", "epoch": 1, "loss": 9.0}\n')
    (made,) = gather([run]).runs
    assert run_curves.readings(made, "epoch", "loss") == [(1, 3.0), (2, 9.0)]


def test_results_of_another_version_are_shown_and_said(tmp_path: Path) -> None:
    bare = {"protocol": "linear", "metric": "top1", "value": 0.25, "method": "old"}
    put_rows(tmp_path / "in" / "results.json", row(0.5, version="0.0.7"), bare)
    text, notes = page_of(tmp_path / "in")
    assert "0.0.7, unknown" in notes[0]
    assert "25.0 %" in text and "50.0 %" in text


def test_nothing_to_show_is_refused_with_the_reason(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no run" in refused("report", empty, "--out", tmp_path / "page.html")
    (empty / "results.json").write_text("{")
    assert "not JSON" in refused("report", empty, "--out", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
    missing = refused("report", tmp_path / "none", "--out", tmp_path / "page.html")
    assert "no such folder" in missing
    put_run(tmp_path / "run", [1.0])
    assert "a folder" in refused("report", tmp_path / "run", "--out", empty)
    assert "go together" in refused(
        "report", tmp_path / "run", "--out", tmp_path / "p.html", "--split", "half"
    )
    assert "no such" in refused(
        "report", tmp_path / "run", "--out", tmp_path / "p.html",
        "--data", tmp_path / "none.h5", "--split", "half",
    ).lower()  # fmt: skip


def test_hostile_names_are_text(tmp_path: Path) -> None:
    put_run(tmp_path / "in" / "run", [1.0, 2.0], [0.1], method=HOSTILE, views__note=HOSTILE)
    put_run(tmp_path / "in" / "two", [1.0, 2.0], [0.1], method=HOSTILE, source__data=HOSTILE)
    put_rows(
        tmp_path / "in" / "results.json", row(0.5, protocol=HOSTILE, metric=HOSTILE, data=HOSTILE)
    )
    text, _ = page_of(tmp_path / "in", title=HOSTILE)
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_command_line_makes_the_whole_page(tmp_path: Path) -> None:
    root = trained()
    out = tmp_path / "page.html"
    said = good(
        "report", root / "runs", "--out", out, "--data", root / "tiny.h5", "--split", "half"
    )
    assert "page.html" in said and "note" not in said
    text = out.read_text(encoding="utf-8")
    assert headings(text) == [
        "What was run", "Results", "k-NN while they trained", "Signs without labels", "Loss",
        "Each class (linear)", "What is taken for what (linear)", "What the encoders see (t-SNE)",
        "Which motions they find alike", "The same by hand",
    ]  # fmt: skip
    assert "SYNTHETIC" in text[: text.index("<main>")]
    for name in ("usdrl · alpha=0.5", "usdrl · alpha=1.0"):
        assert f"{name}: untrained" in text and f"{name}: trained" in text
        assert f"<h3>{name}</h3>" in text
    assert not re.search(r"https?://", text)
    assert "What changes for each class" in text
    tags = Tags(text)
    assert tags.count("canvas") >= 2 * 3 * 4
    told = [float(number) for number in re.findall(r", similarity (-?\d\.\d\d)<", text)]
    assert len(told) >= 2 * 3 * 3 and min(told) >= -1 and max(told) <= 1
    rows = json.loads((root / "runs" / "one" / "results.json").read_text())
    knn = next(r["value"] for r in rows if r["protocol"] == "knn")
    assert f"{100 * knn:.1f} %" in text
    assert f"finds the class of {100 * knn:.1f} % of the test clips" in text


def test_confusion_and_recall_are_those_of_the_scores() -> None:
    root = trained()
    one = scores.read(root / "runs" / "one" / "results.linear.scores.npz")
    guess = next(iter(one.scores.values())).argmax(axis=1)
    text, _ = page_of(root / "runs" / "one")
    assert "What changes for each class" in text  # untrained to trained, there being one setup
    for k in np.unique(one.labels):
        own = [g == k for g, label in zip(guess, one.labels, strict=True) if label == k]
        share = f"{100 * sum(own) / len(own):.1f} %"
        name = re.escape(one.class_names[k])
        assert re.search(rf"<td>{name}</td><td[^>]*>{len(own)}</td><td[^>]*>{share}<", text)


def put_detection(folder: Path, name: str, hits: int, untrained: bool = False) -> None:
    """Results and frame probabilities of two recordings; of three actions `hits` are found."""
    segments = np.array([[0, 5, 15, 0], [0, 25, 35, 1], [1, 4, 14, 1]])
    frames = np.array([40, 20])
    p = np.tile(np.array([[0.9, 0.05, 0.05]], np.float32), (60, 1))
    for recording, start, end, label in segments[:hits]:
        p[40 * recording + start : 40 * recording + end] = np.eye(3)[label + 1]
    fps = np.array([10.0, 10.0])
    rules = Rules(smoothing=0, tious=(0.5,))
    made = Recordings(frames, {"last": p}, segments, rules, fps, 1.0)
    test = SimpleNamespace(
        names=["first <b>", "second"], fps=np.array([10.0, 10.0]), class_names=("wave", "jump"),
        label=np.array([-1, -1]), segments=segments,
    )  # fmt: skip
    one = row(made.judge("last")[CHOSEN_BY], untrained, protocol="detection", metric=CHOSEN_BY)
    put_rows(folder / f"results_{name}.json", one)
    said = {key: value for key, value in one.items() if key not in ("metric", "value")}
    scores_recordings.save(folder / f"results_{name}.detection.scores.npz", made, test, said)


def test_detections_are_drawn_beside_the_untrained_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_detection(tmp_path, "trained", 2)
    put_detection(tmp_path, "untrained", 1, untrained=True)
    calls, whole = [], Recordings.detections
    monkeypatch.setattr(Recordings, "detections", lambda *of: calls.append(of) or whole(*of))
    text, notes = page_of(tmp_path)
    # Figure of merit, shares and pictures, not once for each picture: a long set takes minutes.
    assert len(calls) == 4
    assert not notes and "Detections" in headings(text)
    # The recording where both were found comes first; beside it the untrained encoder's.
    assert text.index("first &lt;b&gt;") < text.index("second")
    said = re.findall(r"(\d+) of (\d+) actions? found", text)
    assert said[::2] == said[1::2] == [("2", "2"), ("1", "2"), ("0", "1"), ("0", "1")]  # and aloud
    assert "0 s" in text and "frames</" not in text


def test_damaged_detections_become_remarks(tmp_path: Path) -> None:
    put_detection(tmp_path, "trained", 2)
    path = tmp_path / "results_trained.detection.scores.npz"
    with np.load(path) as file:
        fields = dict(file)
    np.savez(path, **{**fields, "fps": fields["fps"][:1]})
    text, notes = page_of(tmp_path)
    assert "Detections" not in headings(text)
    assert len(notes) == 1 and "fps" in notes[0]


def test_fused_results_are_a_setup_of_their_own(tmp_path: Path) -> None:
    runs = trained() / "runs"
    files = [runs / name / "results.linear.scores.npz" for name in ("half", "one")]
    with pytest.warns(UserWarning, match="all of stream joint"):
        rows = fuse(files, weights=[0.5, 0.5], out=tmp_path / "in" / "results_fused.json")
    text, notes = page_of(tmp_path / "in")
    assert notes == []
    assert "joint+joint" in text
    assert f"{100 * rows[0]['value']:.1f} %" in text


def test_runs_that_cannot_take_the_store_become_remarks(tmp_path: Path) -> None:
    other = generate(NTU25, clips=24).with_split("half", [1] * 12 + [2] * 12)
    runs = shutil.copytree(trained() / "runs", tmp_path / "in")
    text, notes = page_of(runs, data=other, split="half")
    assert len(notes) == 2 and "25 joints" in notes[0]
    assert "t-SNE" not in text
    with pytest.raises(InputError, match="known: half"):
        page_of(runs, data=ClipSet.open(trained() / "tiny.h5"), split="hal")
    put_run(tmp_path / "bare", [1.0])
    _, notes = page_of(tmp_path / "bare", data=other, split="half")
    assert notes == ["No run with a checkpoint was found: no maps of features."]


def test_neighbours_have_a_similarity_that_says_something(tmp_path: Path) -> None:
    """All features have a large part in common: without the gallery's mean it is gone."""
    rng = np.random.default_rng(0)
    gallery, queries = (torch.tensor(rng.normal(size=(n, 8)) + 50).float() for n in (40, 10))
    ((_, plain),) = cosine_blocks(queries, gallery)
    ((_, similar),) = cosine_blocks(*centred(queries, gallery))
    assert plain.min() > 0.997 and similar.min() < -0.5 and similar.max() > 0.5
    x, y = (a.numpy() - gallery.numpy().mean(axis=0) for a in (queries, gallery))
    for q, g in ((0, 0), (3, 7), (9, 39)):
        expected = x[q] @ y[g] / np.linalg.norm(x[q]) / np.linalg.norm(y[g])
        assert float(similar[q, g]) == pytest.approx(expected, abs=1e-4)
    ((_, alone),) = cosine_blocks(*centred(queries, gallery[:1]))
    assert not alone.any()


def test_unlabelled_clips_are_left_out_of_the_maps(tmp_path: Path) -> None:
    import dataclasses

    data = ClipSet.open(trained() / "tiny.h5")
    label = data.label.copy()
    label[::5] = -1
    some = dataclasses.replace(data, label=label)
    tested = int((some.split("half")[1].label >= 0).sum())
    text, notes = page_of(
        shutil.copytree(trained() / "runs" / "one", tmp_path / "in"), data=some, split="half"
    )
    assert notes == []
    assert f"Each mark is one of {tested} test clips" in text
    none = dataclasses.replace(data, label=np.full_like(label, -1))
    with pytest.raises(InputError, match="no labelled clip"):
        page_of(tmp_path / "in", data=none, split="half")


def test_changes_are_sorted_signed_and_left_out_where_unknown() -> None:
    drawn = plots.changes(
        [0.5, 0.9, np.nan, 0.2], [0.75, 0.4, 0.5, 0.2], ["up", "down", "gone", "same"], "t",
        sides=("before", "after"),
    )  # fmt: skip
    texts = [t.strip() for t in Tags(drawn).texts if t.strip()]
    assert {"+25", "−50", "0", "before", "after"} <= set(texts)
    assert "gone" not in texts
    names = [t for t in texts if t in ("up", "down", "same")]
    assert names == ["down", "same", "up"]  # from the bottom
    assert "Nothing was recorded" in plots.changes([np.nan], [1], ["a"], "t", sides=("a", "b"))
    with pytest.raises(InputError, match="one value a class"):
        plots.changes([1], [1, 2], ["a"], "t", sides=("a", "b"))


def test_loss_axis_within_a_decade_has_numbers() -> None:
    texts = Tags(plots.curves({"a": ([1, 2], [31.5, 36.0])}, "t", plots.YAxis("y", log=True))).texts
    assert sum(bool(re.fullmatch(r"3\d(\.\d)?", text.strip())) for text in texts) >= 2


def test_twenty_classes_differ_in_light_and_dark() -> None:
    """Distances in OKLab (Ottosson 2020), contrast as WCAG; colour and mark together are unique."""
    css = (Path(plots.__file__).parent / "assets" / "page.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")[:2]
    for theme in (light, dark):
        back = _linear(re.search(r"--card: (#\w{6})", theme)[1])
        colours = [
            _linear(re.search(rf"--c{k}: (#\w{{6}})", theme)[1]) for k in range(len(svg.PALETTE))
        ]
        for one, other in itertools.combinations(colours, 2):
            assert np.linalg.norm(_oklab(one) - _oklab(other)) >= 0.1
        for colour in colours:
            dim, bright = sorted((_luminance(colour), _luminance(back)))
            assert (bright + 0.05) / (dim + 0.05) >= 2.7
    marks = [(k % len(svg.PALETTE), svg.marker(k)) for k in range(60)]
    assert len(set(marks)) == 60
    assert all(svg.marker(k) != svg.marker(k + 1) for k in range(5))


def _linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def _luminance(linear: np.ndarray) -> float:
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _oklab(linear: np.ndarray) -> np.ndarray:
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    axes = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return axes @ np.cbrt(cones @ linear)


def test_rows_say_themselves_what_their_run_was_trained_on(tmp_path: Path) -> None:
    rows = [row(0.5 + seed / 10, data="judged", seed=seed) for seed in range(2)]
    for seed, one in enumerate(rows):
        one["config"]["source"] = {"data": "pool", "split": None, "seed": seed}
    put_rows(tmp_path / "in" / "results.json", *rows)
    text, _ = page_of(tmp_path / "in")
    assert "55.0 ± 7.1 %" in text  # seeds of one setup
    (found,) = {one.setup.source for one in gather([tmp_path / "in"]).rows}
    assert found == ("pool", "")
