"""Slips of newcomers: the answer names what to do, in one line."""

import io
import warnings
import zipfile

import pytest
from rich.console import Console
from typer.main import get_command

from skelf import ClipSet
from skelf.bench.display import BenchDisplay
from skelf.cli.main import app
from skelf.errors import InputError
from skelf.protocols import PROTOCOLS
from skelf.settings.evaluation import evaluation
from skelf.training.progress import TrainingDisplay


def test_a_resume_with_other_settings_is_a_line_of_the_display():
    text = io.StringIO()
    changes = {"train.lr": [0.0005, 0.0001], "train.milestones": [[2], [3, 4]]}
    with TrainingDisplay(Console(file=text)) as display:
        display({"event": "resume", "epoch": 2, "step": 9, "changes": changes})
    line = "goes on after epoch 3 with train.lr=0.0001 (before: 0.0005), "
    assert text.getvalue() == f"{line}train.milestones=[3, 4] (before: [2])\n"


def test_a_second_protocol_as_a_word_of_its_own_is_told_from_a_setting():
    protocols = {"linear": PROTOCOLS["linear"]}
    with pytest.raises(InputError, match=r"'knn' is no setting.*one word with commas, as linear,k"):
        evaluation(protocols, overrides=["knn"])
    with pytest.raises(InputError, match="only eval"):
        evaluation(protocols, overrides=["data.normalize=agcn"])


def test_a_download_in_place_of_a_store_is_called_no_damage(tmp_path):
    with zipfile.ZipFile(tmp_path / "skeletons.zip", "w") as archive:
        archive.writestr("a.skeleton", "0\n")
    (tmp_path / "motion.bvh").write_text("HIERARCHY\n")
    (tmp_path / "store.h5").write_bytes(b"0" * 100)
    for name in ("skeletons.zip", "motion.bvh"):
        with pytest.raises(InputError, match=f"skelf data import FORMAT {name}"):
            ClipSet.open(tmp_path / name)
    with pytest.raises(InputError, match="damaged or cut off"):
        ClipSet.open(tmp_path / "store.h5")


def test_a_warning_within_a_benchmark_is_a_note_without_a_line_of_code():
    text = io.StringIO()
    with warnings.catch_warnings(), BenchDisplay(Console(file=text, width=200)):
        warnings.simplefilter("always")  # whatever Python was started with
        warnings.warn("no training clip has the class wave", stacklevel=1)
    assert text.getvalue() == "note: no training clip has the class wave\n"


@pytest.mark.parametrize(
    ("words", "setting"),
    [
        (["pretrain", "usdrl", "--lr", "0.1"], "train.lr=VALUE"),
        (["pretrain", "usdrl", "--batch-size=4"], "train.batch_size=VALUE"),
        (["eval", "knn", "--k", "3"], "eval.k=VALUE"),
        (["data", "import", "openpose", "--fps", "30"], "fps=VALUE"),
    ],
)
def test_a_setting_that_is_written_as_an_option_is_named(words, setting):
    with pytest.raises(InputError, match=setting):
        get_command(app).main(words, standalone_mode=False)
