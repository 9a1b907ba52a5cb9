"""The demo in very small: what it writes, what its page says, what it leaves alone."""

import html
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from test_cli import good
from test_plots import Tags

from skelf import demo
from skelf.errors import InputError
from skelf.metrics.chance import chance

SMALL = (
    "encoder.dim=8",
    "encoder.frames=8",
    "train.epochs=2",
    "train.monitor_every=1",
    "train.warmup_epochs=0",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> demo.Demo:
    said: list[str] = []
    events: list[str] = []
    done = demo.run(
        tmp_path_factory.mktemp("demo") / "out",
        clips=72,
        overrides=SMALL,
        say=said.append,
        listener=lambda event: events.append(event["event"]),
    )
    assert any("synthetic" in line for line in said)
    assert {"step", "epoch", "monitor"} == set(events) - {"note"}
    return done


def test_demo_gives_a_row_for_each_protocol(made: demo.Demo) -> None:
    assert [row["protocol"] for row in made.rows] == list(demo.SHOWN.values())
    for row in made.rows:
        assert all(0 <= row[key] <= 1 for key in ("pretrained", "untrained", "chance"))


def test_demo_page_says_synthetic_first_and_shows_everything(made: demo.Demo) -> None:
    text = made.page.read_text(encoding="utf-8")
    tags = Tags(text)
    assert "SYNTHETIC" in text[: text.index("<main>")]
    assert tags.count("canvas") >= 16
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings == [
        "What was run", "Results", "k-NN while they trained", "Signs without labels", "Loss",
        "Each class (linear)", "What is taken for what (linear)", "What the encoders see (t-SNE)",
        "Which motions they find alike", "The same by hand",
    ]  # fmt: skip
    # Monitor, signs, loss, changes, confusion, and maps of the untrained and the trained encoder.
    assert sum(attrs.get("role") == "img" for tag, attrs in tags.seen if tag == "svg") == 10
    assert {"Trained", "Untrained", "Chance"} <= set(re.findall(r"<th [^>]*>(.*?)</th>", text))
    for row in made.rows:
        for value in (row["pretrained"], row["untrained"], row["chance"]):
            assert f"{100 * value:.1f} %" in text
    assert "read no label" in text
    assert not re.search(r"https?://", text)
    assert len(text.encode()) < 1_500_000


def test_demo_keeps_results_beside_the_page(made: demo.Demo) -> None:
    rows = json.loads((made.page.parent / "results.json").read_text())
    assert {row["method"] for row in rows} == {"usdrl", "untrained"}
    found = next(
        r for r in rows if (r["protocol"], r["metric"], r["method"]) == ("knn", "top1", "usdrl")
    )
    assert found["value"] == made.rows[1]["pretrained"]


def test_commands_on_the_page_do_the_same(
    made: demo.Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = made.page.read_text(encoding="utf-8")
    block = html.unescape(re.search(r"<pre><code>(.*?)</code></pre>", text, re.DOTALL)[1])
    commands = [shlex.split(line) for line in block.replace("\\\n", " ").splitlines()]
    assert [command[:2] for command in commands] == [
        ["skelf", "pretrain"], ["skelf", "eval"], ["skelf", "eval"],
    ]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for command in commands:
        good(*command[1:])
    names = ("results", "results_untrained")
    again = [row for name in names for row in json.loads(Path(f"again/{name}.json").read_text())]
    first = json.loads((made.page.parent / "results.json").read_text())
    assert [row["value"] for row in again] == [row["value"] for row in first]
    assert [row["config"] for row in again] == [row["config"] for row in first]


def test_demo_replaces_its_own_and_nothing_else(made: demo.Demo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(made.page.parent, out)
    (out / "notes.txt").write_text("mine")
    demo._make_room(out)
    assert sorted(p.name for p in out.iterdir()) == ["demo.json", "notes.txt"]
    (tmp_path / "other" / "run").mkdir(parents=True)
    with pytest.raises(InputError, match="'run', which no demo wrote"):
        demo.run(tmp_path / "other")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write here"):
        demo.run(tmp_path / "file")


def test_chance_is_what_a_random_order_gives() -> None:
    rng = np.random.default_rng(0)
    train, test = np.repeat([0, 1, 2], [5, 10, 25]), np.repeat([0, 1, 2], [4, 4, 2])
    expected = chance(train, test, 3)
    average, first = [], []
    for _ in range(4000):
        order = rng.permutation(train)
        for label in test:
            relevant = order == label
            precision = relevant.cumsum() / np.arange(1, len(order) + 1)
            average.append(precision[relevant].mean())
            first.append(relevant[0])
    assert expected["map"] == pytest.approx(np.mean(average), abs=0.005)
    assert expected["precision@1"] == pytest.approx(np.mean(first), abs=0.01)
    assert expected["top1"] == pytest.approx(1 / 3)
