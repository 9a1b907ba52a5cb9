"""Starting from released files of each stream, second stages, and how many steps an epoch has."""

from itertools import product

import pytest
import torch

from skelf import api
from skelf.bench.checks import check_settings
from skelf.bench.read import read_suite
from skelf.checkpoints import folder as checkpoint
from skelf.data.synthetic.clips import generate
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.layouts import NTU25
from skelf.methods import METHODS, OFFICIAL
from skelf.streams import STREAMS
from skelf.training.log import read_log
from skelf.training.schedule import batch_plan

TRAINED = ("train.epochs=1", "train.batch_size=6", "train.precision=fp32", "train.devices=cpu")
QUEUE = {"queue": 12, "feature": 4}
SIZES = {  # method -> encoder, its arguments, the method's
    "usdrl": ("dste", {"dim": 8, "frames": 8}, {}),
    "skeletonclr": ("stgcn", {"dim": 8, "width": 4, "frames": 8}, QUEUE),
    "aimclr": ("stgcn", {"dim": 8, "width": 4, "frames": 8}, QUEUE),
    "crossclr": ("stgcn", {"dim": 8, "width": 4, "frames": 8}, QUEUE),
    "pcm3": ("gru", {"dim": 8, "layers": 2, "frames": 8}, QUEUE),
}


def clips(count=12):
    return generate(NTU25, clips=count, persons=2, seed=1)


def settings(name):
    _, sizes, own = SIZES[name]
    return (
        *(f"encoder.{key}={value}" for key, value in sizes.items()),
        *(f"method.{key}={value}" for key, value in own.items()),
        *TRAINED,
    )


def released(path, name, stream):
    encoder, sizes, own = SIZES[name]
    torch.manual_seed(0)
    method = METHODS[name](ENCODERS[encoder](NTU25, stream=stream, persons=2, **sizes), **own)
    torch.save({"state_dict": OFFICIAL[name].save(method)}, path)
    return method


@pytest.mark.parametrize(
    ("name", "stream"),
    [*product(("usdrl", "skeletonclr", "aimclr", "pcm3"), STREAMS), ("crossclr", "joint")],
)
def test_a_released_file_of_each_stream_starts_a_run(tmp_path, name, stream):
    path, out = tmp_path / "released.pth.tar", tmp_path / "out"
    method = released(path, name, stream)
    api.pretrain(
        name, clips(), out=out, stream=stream, init=path,
        overrides=(*settings(name), "train.lr=1e-9"),
    )  # fmt: skip
    after = checkpoint.read_tensors(checkpoint.newest(out))
    for key, value in method.encoder.named_parameters():
        torch.testing.assert_close(after[f"encoder.{key}"], value.detach(), rtol=1e-4, atol=1e-5)
    prompted = any(key.startswith("prompts.") for key in after)
    assert prompted == (name == "pcm3" and stream == "joint")


@pytest.mark.parametrize("prompts", ["official", "after_norm", "none"])
def test_a_runs_settings_say_which_released_prompts_it_has(tmp_path, prompts):
    path, out = tmp_path / "released.pth.tar", tmp_path / "out"
    released(path, "pcm3", "joint")
    for stream in ("joint", "motion"):
        api.pretrain(
            "pcm3", clips(), out=out / stream, stream=stream, init=path,
            overrides=(*settings("pcm3"), f"method.prompts={prompts}"),
        )  # fmt: skip
        after = checkpoint.read_tensors(checkpoint.newest(out / stream))
        assert any(key.startswith("prompts.") for key in after) == (prompts != "none")


def test_a_second_stage_from_fresh_weights_is_refused(tmp_path):
    out, refine = tmp_path / "out", "method.refine=true"
    for resume in (False, True):
        with pytest.raises(InputError, match=r"method\.refine=true: the second .* --refine RUN"):
            api.pretrain(
                "pcm3", clips(), out=out, overrides=(*settings("pcm3"), refine), resume=resume
            )
    assert not out.exists()
    first = api.pretrain("pcm3", clips(), out=tmp_path / "first", overrides=settings("pcm3"))
    more = (*TRAINED, refine)
    api.pretrain("pcm3", clips(), out=out, overrides=more, init=first)
    api.resume(out, clips(), overrides=("train.epochs=2",))
    # A start from a second stage is one of its own, which has a first.
    api.pretrain("pcm3", clips(), out=tmp_path / "third", overrides=TRAINED, init=out)


def test_a_suite_says_so_before_anything_runs(tmp_path):
    text = (
        'seeds = [0]\n[[data]]\nname = "tiny"\nsplits = ["half"]\nstore = "tiny.h5"\n'
        '[[method]]\nname = "pcm3"\nsettings = ["method.refine=true"]\n'
        '[[protocol]]\nname = "knn"\n'
    )
    path = tmp_path / "suite.toml"
    path.write_text(text)
    with pytest.raises(InputError, match="second stage of a training"):
        check_settings(read_suite(path))


# ---- steps of an epoch ----


@pytest.mark.parametrize(
    ("clips", "batch", "whole", "kept"),
    [
        (40091, 128, 313, 314),  # NTU RGB+D 60, cross-subject: the released logs say 313
        (37646, 128, 294, 295),  # cross-view: 294
        (40091, 356, 112, 113),
        (256, 128, 2, 2),
        (100, 128, 1, 1),  # nothing would train
        (129, 128, 1, 1),  # one clip alone is never a batch
    ],
)
def test_steps_of_an_epoch(clips, batch, whole, kept):
    assert len(list(batch_plan(clips, batch, 1, 0, 0, whole=True))) == whole
    assert len(list(batch_plan(clips, batch, 1, 0, 0, whole=False))) == kept


@pytest.mark.parametrize("form", ["official", "paper"])
@pytest.mark.parametrize("name", [*SIZES, "aimclr_cross"])
def test_the_last_smaller_batch_is_left_out_where_the_released_code_does(tmp_path, name, form):
    sizes = settings("crossclr" if name == "aimclr_cross" else name)
    run = api.pretrain(
        name, clips(16), out=tmp_path / "run", overrides=(*sizes, f"method.form={form}")
    )
    whole = form == "official" and name != "usdrl"
    assert read_log(run)[-1]["step"] == (2 if whole else 3)
