"""Equal cost: epochs by counted FLOPs, stages as shares of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_bench import TINY, put
from test_cli import call
from tiny_runs import clips

from skelf.bench import cost
from skelf.bench.cost import Cost, giga
from skelf.bench.run import bench, checked, preview
from skelf.bench.shares import has_share, in_epochs
from skelf.data.clips import ClipSet
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.methods import METHODS
from skelf.profiling.count import count
from skelf.protocols import PROTOCOLS
from skelf.report.gather import gather
from skelf.runs.build import input_of
from skelf.settings.run import resolve

SUITE = """
seeds = [0]
config = "tiny.toml"
equal_cost = "USDRL"
[[data]]
name = "tiny"
store = "tiny.h5"
splits = ["half", "xsub"]
[[method]]
name = "usdrl"
row = "USDRL"
settings = ["train.epochs=3"]
[[method]]
name = "aimclr"
row = "AimCLR"
settings = ["encoder.name=gru", "encoder.layers=1", "method.eadm=false", "method.form=official", \
"method.queue=20", "method.mining_epoch=50%", "train.warmup_epochs=10%"]
[[protocol]]
name = "knn"
"""


@pytest.fixture(autouse=True)
def _cheap(request, monkeypatch):
    """Counting takes a second; one test looks at what is counted, the others at what follows."""
    if "counted" not in request.fixturenames:
        steps = {"usdrl": 5e6, "aimclr": 3.1e6}
        monkeypatch.setattr(cost, "_step", lambda config, clips, method: steps[config.method])


@pytest.fixture
def counted():
    """Of a test that counts."""


def suite(folder: Path, *changed: tuple[str, str]) -> Path:
    text = SUITE
    for old, new in changed:
        assert old in text
        text = text.replace(old, new)
    return put(folder, text)


def checked_costs(path: Path) -> dict[str, Cost]:
    said: list[str] = []
    read, sets = checked(path, said.append)
    assert [line for line in said if "GFLOPs" in line] == [
        f"{label}, {place}: {cost}" for (label, place), cost in sets.costs.items()
    ]
    assert {method.label for method in read.methods} >= {label for label, _ in sets.costs}
    return {f"{label} {place}": cost for (label, place), cost in sets.costs.items()}


def test_epochs_count_as_many_flops_as_the_reference(tmp_path, counted):
    """By a slow search over all numbers of epochs, with what a run of each would count."""
    costs = checked_costs(suite(tmp_path))
    assert list(costs) == [f"{row} tiny/{split}" for row in ("USDRL", "AimCLR")
                           for split in ("half", "xsub")]  # fmt: skip
    reference, other = costs["USDRL tiny/half"], costs["AimCLR tiny/half"]
    train = clips().split("half")[0]
    names = ("encoder.name=gru", "encoder.layers=1", "method.eadm=false", "method.queue=20")
    (tmp_path / "c.toml").write_text(TINY)
    for found, method, overrides, seen in (
        (reference, "usdrl", (), 20),  # of 20 clips, by 8, the last 4 are kept
        (other, "aimclr", names, 16),  # the official form leaves them out
    ):
        config = resolve(
            method, methods=METHODS, encoders=ENCODERS, protocols=PROTOCOLS,
            file=tmp_path / "c.toml", overrides=[*overrides, "train.batch_size=8"],
        )  # fmt: skip
        assert found.step == count(config, input_of(config, train, "joint"))["step_flops"]
        assert found.clips == seen
    assert reference.epochs == 3 and reference.off == 0
    assert reference.flops == 3 * 20 * reference.step
    wrong = {n: abs(n * 16 * other.step - reference.flops) for n in range(1, 500)}
    assert other.epochs == min(wrong, key=wrong.__getitem__)
    assert other.off == pytest.approx(other.epochs * 16 * other.step / reference.flops - 1)


def test_stages_are_shares_of_the_epochs_that_come_out(tmp_path):
    path = suite(tmp_path)
    epochs = checked_costs(path)["AimCLR tiny/half"].epochs
    cells = {cell.key: cell for cell, _ in preview(path, tmp_path / "out")}
    settings = cells[str(tmp_path / "out/tiny/half/AimCLR/joint_seed0/pretrain")].settings
    assert settings["train.epochs"] == epochs
    assert settings["method.mining_epoch"] == round(epochs / 2)
    assert settings["train.warmup_epochs"] == round(epochs / 10)
    # Without a budget, of the epochs that the settings say.
    text = path.read_text().replace('equal_cost = "USDRL"\n', "")
    path.write_text(text.replace('"method.mining_epoch=50%"', '"train.epochs=9", "method.mini'
                                 'ng_epoch=50%"'))  # fmt: skip
    for cell, _ in preview(path, tmp_path / "out"):
        if cell.kind == "pretrain" and "AimCLR" in cell.title:
            assert cell.settings["method.mining_epoch"] == 4
            assert "flops" not in cell.about


def test_a_budget_in_flops_and_shares_of_it(tmp_path):
    costs = checked_costs(suite(tmp_path))
    budget = 10 * costs["USDRL tiny/half"].epoch
    half = checked_costs(
        suite(
            tmp_path,
            ('equal_cost = "USDRL"', f"flops = {budget}"),
            ('settings = ["train.epochs=3"]', "cost_share = 0.5"),
        )
    )
    assert half["USDRL tiny/half"].epochs == 5
    assert half["AimCLR tiny/half"].epochs == round(budget / costs["AimCLR tiny/half"].epoch)


AFTER = '[[method]]\nname = "usdrl"\nrow = "second"\nafter = "first"\n[[protocol]]'


def test_what_a_row_starts_from_counts(tmp_path):
    reference = checked_costs(suite(tmp_path))["USDRL tiny/half"]
    first = '[[method]]\nname = "usdrl"\nrow = "first"\ncost_share = 0.6\n'
    split = ('splits = ["half", "xsub"]', 'splits = ["half"]')
    epochs = ("train.epochs=3", "train.epochs=10")
    costs = checked_costs(suite(tmp_path, split, epochs, ("[[protocol]]", first + AFTER)))
    second = costs["second tiny/half"]
    assert (costs["first tiny/half"].epochs, second.epochs) == (6, 4)
    assert second.before == 6 * reference.epoch and second.off == pytest.approx(0)
    assert "GFLOPs before it" in str(second)
    whole = first.replace("cost_share = 0.6\n", "")
    with pytest.raises(InputError, match=r"second: first, which it starts from, costs .* below 1"):
        checked_costs(suite(tmp_path, split, epochs, ("[[protocol]]", whole + AFTER)))


def test_an_epoch_that_is_too_coarse_is_told(tmp_path):
    coarse = Cost(epochs=1, step=2e9, clips=100, budget=1e11)
    assert coarse.off == 1.0
    assert str(coarse).startswith("1 epoch, 200 GFLOPs (+100.0% of the budget")
    assert "an epoch is 200% of the budget, too coarse" in str(coarse)
    assert "coarse" not in str(coarse._replace(budget=2e11))
    assert [giga(flops) for flops in (2.7915e12, 1.25e9, 4.2e6)] == ["2,792", "1.25", "0.0042"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('equal_cost = "USDRL"', 'equal_cost = "USDLR"', "equal_cost: unknown row 'USDLR': did y"),
        ('equal_cost = "USDRL"', 'equal_cost = "USDRL"\nflops = 1e9', "both say the budget"),
        ('equal_cost = "USDRL"', "flops = 0", "flops: .*greater than 0"),
        ('equal_cost = "USDRL"', "flops = -1e9", "flops: .*greater than 0"),
        ('equal_cost = "USDRL"', "", None),
        ('"method.queue=20"', '"train.epochs=4"', "AimCLR: train.epochs: the budget sets it"),
        ("50%", "150%", r"method\.mining_epoch=150%.*more than all epochs"),
        ("method.mining_epoch=50%", "method.queue=50%", "method.queue=50%.*give a number here"),
        ('["train.epochs=3"]', '["train.epochs=30%"]', "train.epochs=30%"),
        ('row = "USDRL"\n', 'row = "USDRL"\ncost_share = 0.5\n', "USDRL: cost_share: .*itself"),
        ('row = "USDRL"\n', 'row = "USDRL"\ndata = ["tiny/half"]\n', "USDRL is not pretrained on"),
        ('row = "AimCLR"\n', 'row = "AimCLR"\ninit = "x"\n', "AimCLR: init: .*not counted"),
        ('row = "AimCLR"\n', 'row = "AimCLR"\ncost_share = 0\n', "cost_share"),
        ("train.warmup_epochs=10%", "train.warmup_epochs=100%", "warmup_epochs must be below"),
    ],
)
def test_budgets_that_are_refused(tmp_path, old, new, message):
    path = suite(tmp_path, (old, new))
    if message is None:
        assert checked_costs(path) == {}
        return
    with pytest.raises(InputError, match=message):
        preview(path, tmp_path / "out")


def test_shares():
    assert has_share("method.mining_epoch=50%") and has_share('train.milestones=["5 %"]')
    assert not has_share("train.lr=0.5") and not has_share("method.name=fifty%")
    assert in_epochs(["train.milestones=[3, '50%']"], 20) == ["train.milestones=[3, 10]"]
    assert in_epochs(["train.save_every=0.0%", "train.lr=1"], 7) == ["train.save_every=0",
                                                                    "train.lr=1"]  # fmt: skip


def test_settings_of_a_split_alone(tmp_path):
    row = 'row = "USDRL"\nsettings_on."tiny/xsub" = ["train.epochs=5"]\n'
    costs = checked_costs(suite(tmp_path, ('row = "USDRL"\n', row)))
    assert [costs[f"USDRL tiny/{split}"].epochs for split in ("half", "xsub")] == [3, 5]
    with pytest.raises(InputError, match="USDRL: settings_on: unknown split 'xsbu': did you"):
        checked_costs(suite(tmp_path, ('row = "USDRL"\n', row.replace("xsub", "xsbu"))))


def test_tables_and_the_report_state_it(tmp_path):
    path = suite(tmp_path, ('splits = ["half", "xsub"]', 'splits = ["half"]'),
                 ("epochs=3", "epochs=1"))  # fmt: skip
    done = bench(path, tmp_path / "out")
    assert not done.failures
    costs = checked_costs(path)
    page = (tmp_path / "out/results.md").read_text()
    for label, off in (("USDRL", ""), ("AimCLR", f"{costs['AimCLR tiny/half'].off:+.1%}")):
        mine = costs[f"{label} tiny/half"]
        megas = f"{mine.step / 1e6:,.0f}"
        line = f"| {label} | tiny/half | {mine.epochs} | {megas} | {giga(mine.flops)} | {off} |"
        assert line in page
        run = tmp_path / f"out/tiny/half/{label}/joint_seed0"
        assert json.loads((run / "config.json").read_text())["train"]["epochs"] == mine.epochs
        assert json.loads((run / "cell_pretrain.json").read_text())["flops"] == mine.flops
    found = {run.setup.row: run.flops for run in gather([tmp_path / "out"]).runs}
    assert found == {label: costs[f"{label} tiny/half"].flops for label in ("USDRL", "AimCLR")}
    assert bench(path, tmp_path / "out").ran == 0


def test_the_command_takes_a_row(tmp_path):
    hand_set = ('"method.queue=20"', '"method.queue=20", "train.epochs=2"')
    path = suite(tmp_path, ('equal_cost = "USDRL"\n', ""), hand_set)
    wanted = checked_costs(suite(tmp_path / "other"))["AimCLR tiny/half"]
    said = call("bench", path, "--out", tmp_path / "out", "--dry-run", "--equal-cost", "USDRL")
    assert said.code == 0 and f"AimCLR, tiny/half: {wanted}" in said.out.replace("\n", " ")
    said = call("bench", path, "--out", tmp_path / "out", "--dry-run", "--equal-cost", "USDR")
    assert said.code == 2 and "equal_cost: unknown row 'USDR': did you mean 'USDRL'" in said.err
    assert ClipSet.open(tmp_path / "tiny.h5").splits.keys() >= {"half", "xsub"}
