"""PCM3's released checkpoint layout: names, shapes, round trip, hostile files."""

import pytest
import torch
from pcm3_small import pcm3

from skelf.errors import InputError
from skelf.layouts import KINECT20, NTU25
from skelf.methods import OFFICIAL
from skelf.methods.pcm3_official import PROMPTS
from skelf.streams import STREAMS


def released(**arguments):
    return OFFICIAL["pcm3"].save(pcm3(NTU25, {"layers": 3, "frames": 64}, **arguments))


def test_released_names_and_shapes():
    state = released()
    directions = [f"{t}_l{d}{e}" for t in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                  for d in range(3) for e in ("", "_reverse")]  # fmt: skip
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    expected = {f"encoder_{s}.encoder.gru.{n}" for s in "qk" for n in directions}
    expected |= {f"encoder_{s}.input_norm.{n}" for s in "qk" for n in norm}
    expected |= {
        f"encoder_{s}.fc.{d}.{n}" for s in "qk" for d in (0, 2) for n in ("weight", "bias")
    }
    expected |= {f"linear.{d}.{n}" for d in (0, 3) for n in ("weight", "bias")}
    expected |= {f"linear.1.{n}" for n in norm}
    expected |= {f"recons_decoder.decoder.{t}_l{d}" for d in range(2)
                 for t in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}  # fmt: skip
    expected |= {f"recons_decoder.reconstruction.{n}" for n in ("weight", "bias")}
    prompts = ("cl", "mp", "base", "mask", "recons", "mix")
    expected |= {"queue", "queue_ptr", *(f"{p}_prompt" for p in prompts)}
    assert state.keys() == expected
    shapes = {
        "encoder_q.encoder.gru.weight_ih_l0": (48, 150),
        "encoder_q.encoder.gru.weight_ih_l2_reverse": (48, 32),
        "encoder_k.fc.0.weight": (32, 32),
        "encoder_k.fc.2.weight": (6, 32),
        "linear.0.weight": (8, 32),
        "recons_decoder.decoder.weight_ih_l1": (24, 8),
        "recons_decoder.reconstruction.weight": (150, 8),
        "queue": (6, 20),
        "queue_ptr": (1,),
        "base_prompt": (1, 1, 150),
        "cl_prompt": (1, 4),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes


@pytest.mark.parametrize("stream", STREAMS)
def test_released_layout_round_trip(stream):
    state = released()
    method = OFFICIAL["pcm3"].load(state, NTU25, stream=stream)
    assert method.encoder.stream == stream and len(method.encoder.layers) == 3
    if stream != "joint":  # trained without prompts; zeros act like none
        state |= {name: torch.zeros_like(state[name]) for name in PROMPTS}
    again = OFFICIAL["pcm3"].save(method)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[key], value) for key, value in state.items())


def test_a_method_without_prompts_saves_zeros():
    state = released(prompts="none")
    assert not state["cl_prompt"].any() and state["cl_prompt"].shape == (1, 4)
    assert state.keys() == released().keys()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"queue": None}, "'queue' is missing; is this a PCM3 checkpoint"),
        ({"encoder_k.fc.2.bias": None}, r"tensors missing \['encoder_k\.fc\.2\.bias'\]"),
        ({"mix_prompt": None}, "missing.*mix_prompt"),
        ({"fc.weight": torch.zeros(3)}, r"unknown \['fc\.weight'\]"),
        ({"queue": torch.zeros(0, 4)}, "no sizes of a PCM3"),
        ({"queue": torch.zeros(6, 0)}, "no sizes of a PCM3"),
        ({"cl_prompt": torch.zeros(1, 5)}, "do not fit together"),
        ({"queue_ptr": torch.zeros(5)}, "do not fit together"),
        ({"encoder_q.encoder.gru.weight_hh_l0": torch.zeros(48, 0)}, "no sizes of a PCM3"),
        ({"encoder_q.input_norm.weight": torch.zeros(0)}, "0 inputs a frame"),
        ({"encoder_q.input_norm.weight": torch.zeros(149)}, "149 inputs a frame"),
    ],
)
def test_hostile_checkpoints(change, message):
    state = released() | change
    with pytest.raises(InputError, match=rf"^file\.pt: .*{message}"):
        OFFICIAL["pcm3"].load({k: v for k, v in state.items() if v is not None}, NTU25, "file.pt")


def test_what_the_released_layout_cannot_name():
    with pytest.raises(InputError, match="causal GRU"):
        OFFICIAL["pcm3"].save(pcm3(sizes={"causal": False}))
    with pytest.raises(InputError, match="causal GRU with a decoder"):
        OFFICIAL["pcm3"].save(pcm3(lam_m=0, predict=False))
    with pytest.raises(InputError, match="no multiple of 3 coordinates of the 20 joints"):
        OFFICIAL["pcm3"].load(released(), KINECT20)
