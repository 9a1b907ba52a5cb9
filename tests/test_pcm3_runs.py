"""PCM3 in runs: resume to the bit, two processes as one, and starting from trained weights."""

import json

import pytest
import torch
import torch.distributed as dist
from tiny_runs import SETTINGS, Stop, assert_same, clips, stop_in
from torch import nn
from typer.testing import CliRunner

from skelf import api
from skelf.checkpoints import folder as checkpoint
from skelf.cli.main import app
from skelf.encoders.gru import GRU
from skelf.errors import InputError
from skelf.layouts import NTU25, SBU15
from skelf.methods import OFFICIAL
from skelf.methods.pcm3 import PCM3
from skelf.training.log import read_log

SMALL = (
    *SETTINGS, "encoder.layers=2", "method.queue=30", "method.feature=8", "method.momentum=0.9",
    "train.batch_size=6", "train.epochs=2",
)  # fmt: skip
VIEWS = ("intra", "mask", "clip", "predict", "mix")


def pretrain(out, *overrides, **options):
    return api.pretrain(
        "pcm3", clips(), out=out, split="half", overrides=(*SMALL, *overrides), **options
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return pretrain(tmp_path_factory.mktemp("pcm3") / "run", "method.clip=true")


def model(run):
    return checkpoint.read_tensors(checkpoint.newest(run))


@pytest.mark.parametrize("stream", ["joint", "motion"])
def test_a_resumed_run_equals_an_unbroken_one_to_the_bit(tmp_path, stream):
    options = ("method.clip=true", "train.accumulate=2", "train.epochs=3")
    pretrain(tmp_path / "unbroken", *options, stream=stream)
    with pytest.raises(Stop):
        pretrain(tmp_path / "broken", *options, stream=stream, listener=stop_in(2))
    pretrain(tmp_path / "broken", *options, stream=stream, resume=True)
    assert_same(tmp_path / "unbroken", tmp_path / "broken")
    # 20 clips are three whole batches of 6.
    assert int(model(tmp_path / "broken")["key.queue.pointer"]) == 3 * 18 % 30
    assert api.load(tmp_path / "broken").dim == 32


# ---- two processes ----


def made():
    torch.manual_seed(3)
    encoder = GRU(SBU15, dim=8, layers=2, frames=8)
    return PCM3(encoder, queue=20, feature=6, momentum=0.9, clip=True, sync_bn=True).double()


def views(method, step):
    """Of 8 clips; partners are within the halves, as each process draws them."""
    generator = torch.Generator().manual_seed(5 + step)
    x, lengths = torch.randn(8, 3, 12, 15, 2, generator=generator), torch.full((8,), 12)
    drawn = method.views(x, lengths, generator)
    partner = torch.tensor([1, 2, 3, 0, 5, 6, 7, 4])
    share = torch.tensor([0.3] * 4 + [0.8] * 4)
    return drawn._replace(partner=partner, share=share)


def part(view, name, rank):
    if view.is_floating_point():
        view = view.double()
    if name in ("mask", "offsets") or rank is None:
        return view
    view = view[4 * rank : 4 * rank + 4]
    return view - 4 * rank if name == "partner" else view


def steps(rank):
    """State after two steps of plain gradient descent."""
    method = made()
    module = nn.parallel.DistributedDataParallel(method) if rank is not None else method
    optimiser = torch.optim.SGD(method.parameters(), lr=0.1)
    losses = []
    for step in range(2):
        batch = views(made(), step)
        terms = module(*(part(v, name, rank) for name, v in zip(batch._fields, batch, strict=True)))
        optimiser.zero_grad()
        terms["loss"].backward()
        optimiser.step()
        method.after_step()
        losses.append(torch.stack([value.detach() for value in terms.values()]))
    return {"losses": torch.stack(losses), **method.state_dict()}


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.save(steps(rank), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    torch.multiprocessing.spawn(work, (str(tmp_path),), nprocs=2)
    one, first, second = steps(None), *(torch.load(tmp_path / f"{r}.pt") for r in (0, 1))
    assert one["losses"].shape == (2, 12)
    for key, value in one.items():
        assert torch.equal(first[key], second[key]), key
        torch.testing.assert_close(first[key], value, rtol=1e-7, atol=1e-9, msg=key)
    assert int(one["key.queue.pointer"]) == 16


# ---- starting from weights ----


def test_refine_takes_settings_and_weights_and_distils_alone(run, tmp_path):
    out = api.pretrain(
        "pcm3", clips(), out=tmp_path / "out", split="half", init=run, seed=7,
        overrides=("method.refine=true", "train.epochs=1", "train.batch_size=6", "train.lr=1e-6",
                   "train.precision=fp32", "train.devices=cpu"),
    )  # fmt: skip
    config = checkpoint.read_config(out)
    stored = checkpoint.read_config(run)
    assert config["encoder"] == stored["encoder"] and config["views"] == stored["views"]
    assert config["method"] == stored["method"] | {"refine": True}
    assert config["source"]["init"] == str(run) and config["train"]["epochs"] == 1
    terms = {key for key in read_log(out)[-1] if key.startswith(("nce_", "kl_", "reconstr"))}
    assert terms == {f"kl_{name}" for name in VIEWS}
    before, after = model(run), model(out)
    for name, value in after.items():
        if name.startswith("decoder.") and "running" not in name and "tracked" not in name:
            assert torch.equal(value, before[name]), name
        elif name.startswith("encoder.layers"):
            assert not torch.equal(value, before[name]), name
            torch.testing.assert_close(value, before[name], rtol=0, atol=1e-3)


def test_refine_on_the_command_line(run, tmp_path):
    store, out = tmp_path / "s.h5", tmp_path / "out"
    clips().save(store)
    words = ["pretrain", "pcm3", "--data", str(store), "--split", "half", "--refine", str(run)]
    settings = ["train.epochs=1", "train.batch_size=10", "train.devices=cpu"]
    done = CliRunner().invoke(app, [*words, "--out", str(out), *settings])
    assert done.exit_code == 0, done.output
    assert json.loads((out / "config.json").read_text())["method"]["refine"] is True
    again = [*words, "--out", str(out), *settings[1:], "train.epochs=2", "--resume"]
    assert CliRunner().invoke(app, again).exit_code == 0
    both = CliRunner().invoke(app, [*words, "--out", str(out), "--init", str(run)])
    assert isinstance(both.exception, InputError) and "give one" in str(both.exception)


def test_starts_that_cannot_be(run, tmp_path):
    def start(init, *overrides, method="pcm3", **options):
        api.pretrain(
            method, clips(), out=tmp_path / "out", split="half", init=init, overrides=overrides,
            **options,
        )  # fmt: skip

    with pytest.raises(InputError, match="holds a run of 'pcm3', not of 'usdrl'"):
        start(run, method="usdrl")
    with pytest.raises(InputError, match="another stream 'joint', not 'bone'"):
        start(run, stream="bone")
    with pytest.raises(InputError, match="do not fit the settings of this run"):
        start(run, "encoder.dim=8")
    with pytest.raises(InputError, match="do not fit the settings of this run: Missing"):
        start(run, "encoder.layers=3")
    with pytest.raises(InputError, match="no such folder"):
        start(tmp_path / "none")
    with pytest.raises(InputError, match=r"unknown key 'method\.refine'"):
        start(None, "method.refine=true", method="usdrl")
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_start_from_a_released_file(tmp_path):
    torch.manual_seed(0)
    method = PCM3(GRU(NTU25, dim=8, layers=2, frames=8), queue=12, feature=4)
    path = tmp_path / "released.pt"
    torch.save(OFFICIAL["pcm3"].save(method), path)
    from skelf.data.synthetic.clips import generate

    made = generate(NTU25, clips=12, persons=2, seed=1)
    overrides = ("encoder.dim=8", "encoder.layers=2", "encoder.frames=8", "method.queue=12")
    options = ("method.feature=4", "train.epochs=1", "train.batch_size=6", "train.lr=1e-9")
    api.pretrain(
        "pcm3", made, out=tmp_path / "out", init=path,
        overrides=(*overrides, *options, "train.precision=fp32"),
    )  # fmt: skip
    tensors = model(tmp_path / "out")
    assert tensors["key.queue.pointer"] == 0  # 12 keys, around the end
    torch.testing.assert_close(
        tensors["encoder.layers.0.0.weight_hh_l0"],
        method.encoder.layers[0][0].weight_hh_l0.detach(),
    )
