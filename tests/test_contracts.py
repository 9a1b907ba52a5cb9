"""Every encoder and every method has what `contracts` asks of it."""

import pytest
import torch

from skelf.contracts import AnyLayout, Encoder, Method, Release, Staged
from skelf.encoders import ENCODERS
from skelf.encoders.ensemble import Ensemble
from skelf.layouts import COCO17, SBU15
from skelf.methods import METHODS, OFFICIAL
from skelf.runs.build import build_method
from skelf.settings.options import is_options
from skelf.settings.run import resolve
from skelf.settings.settable import options_of, settable

SMALL = {
    "dste": {"dim": 8},
    "sttr": {"dim": 8},
    "stgcn": {"width": 2},
    "gru": {"dim": 4},
    "tcn": {"dim": 4},
    "hcn": {"dim": 4},
    "byname": {"dim": 4},
    "fused": {"dim": 4},
    "patches": {"dim": 8},
}
GIVEN = {"skeleton", "in_channels", "persons", "stream", "confidence"}


def encoder(name, **sizes):
    return ENCODERS[name](SBU15, 3, 1, "joint", False, frames=8, **SMALL[name], **sizes).eval()


@pytest.mark.parametrize("name", [*ENCODERS, "ensemble"])
def test_encoders(name):
    alone = encoder("gru") if name == "ensemble" else encoder(name)
    made = Ensemble([alone, encoder("gru")]) if name == "ensemble" else alone
    assert isinstance(made, Encoder) and isinstance(made, torch.nn.Module)
    assert type(made.any_length) is bool and type(made.confidence) is bool
    x = torch.randn(2, 3, made.num_frames, 15, 1)
    with torch.no_grad():
        assert made(x).shape == (2, made.dim)
        assert made.frames(x).shape == (2, made.num_frames, made.dim)


def test_any_length_is_what_the_encoder_says():
    assert [name for name in ENCODERS if encoder(name).any_length] == ["gru", "byname"]
    assert Ensemble([encoder("gru"), encoder("gru")]).any_length
    assert not Ensemble([encoder("gru"), encoder("sttr")]).any_length


def test_any_layout_is_what_the_encoder_says():
    some = [name for name in ENCODERS if isinstance(encoder(name), AnyLayout)]
    assert some == ["byname"]
    for name in some:
        other = encoder(name).on(COCO17, 3, True)
        assert isinstance(other, Encoder) and other.skeleton is COCO17 and other.confidence
        assert other.state_dict().keys() == encoder(name).state_dict().keys()


@pytest.mark.parametrize("name", ENCODERS)
def test_what_a_run_passes_is_no_setting_of_an_encoder(name):
    settings = settable(ENCODERS[name])
    assert {"dim", "frames"} <= set(settings) and not GIVEN & set(settings)
    assert all(option.doc for option in settings.values())


@pytest.mark.parametrize("name", METHODS)
def test_methods(name):
    views = options_of(METHODS[name], "views")
    assert is_options(views)
    for thing in (METHODS[name], views):
        assert all(option.doc for option in settable(thing).values())
    config = resolve(name, methods=METHODS, encoders=ENCODERS)
    given = {"skeleton": SBU15.to_dict(), "channels": 3, "persons": 1, "stream": "joint"}
    with torch.device("meta"):
        made = build_method(config, given, "config")
    assert isinstance(made, Method) and isinstance(made.encoder, Encoder)
    assert isinstance(made, Staged) == any(
        key in config.arguments for key in ("mining_epoch", "cross_epoch", "momentum_epochs")
    )


@pytest.mark.parametrize("name", OFFICIAL)
def test_releases(name):
    assert name in METHODS and isinstance(OFFICIAL[name], Release)
