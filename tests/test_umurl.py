"""UmURL and its encoder: streams and fusion by torch's own layers, the loss by slow loops."""

import pytest
import torch
from tiny_runs import SETTINGS
from tiny_runs import clips as tiny
from torch import nn
from torch.nn import functional as F

from skelf import api
from skelf.encoders import ENCODERS
from skelf.encoders.fused import Fused
from skelf.errors import InputError
from skelf.inference.fit_classifier import FitClassifier, fit_classifier
from skelf.inference.model import load_model
from skelf.layouts import SBU15
from skelf.methods.crossclr import CrosSCLR
from skelf.methods.umurl import UmURL
from skelf.methods.usdrl import USDRL
from skelf.streams import STREAMS, derive

LAYER = {"attention": "self_attn", "fc1": "linear1", "fc2": "linear2"}


def encoder(**sizes):
    torch.manual_seed(0)
    return Fused(SBU15, 3, 2, **{"dim": 4, "layers": 2, "frames": 6, **sizes}).double()


def clips(count=5, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, 6, 15, 2, generator=draw, dtype=torch.float64)


def embedding(module, rows):
    """Linear, LayerNorm, ReLU, Linear (sources W1)."""
    state = module.state_dict()
    y = F.linear(rows, state["0.weight"], state["0.bias"])
    y = F.layer_norm(y, y.shape[-1:], state["1.weight"], state["1.bias"]).relu()
    return F.linear(y, state["3.weight"], state["3.bias"])


def through(layers, x):
    """torch's own transformer layers with these weights."""
    for layer in layers:
        width = x.shape[-1]
        theirs = nn.TransformerEncoderLayer(width, 1, width, dropout=0.0, batch_first=True).double()
        state = {}
        for key, value in layer.state_dict().items():
            part, _, rest = key.partition(".")
            state[f"{LAYER.get(part, part)}.{rest}"] = value
        theirs.load_state_dict(state)
        x = theirs(x)
    return x


def by_hand(made, x, streams):
    """Clip vectors of one stream, or of several fused."""
    temporal, spatial = [], []
    for stream in streams:
        y = derive(x, stream, SBU15)
        of_frames = [[y[n, :, t].permute(2, 1, 0).flatten() for t in range(6)] for n in range(5)]
        of_joints = [
            [y[n, :, :, v, m].T.flatten() for m in range(2) for v in range(15)] for n in range(5)
        ]
        rows = [torch.stack([torch.stack(one) for one in kind]) for kind in (of_frames, of_joints)]
        temporal.append(embedding(made.embed_t[stream], rows[0]))
        spatial.append(embedding(made.embed_s[stream], rows[1]))
    t, s = sum(temporal) / len(streams), sum(spatial) / len(streams)
    if len(streams) > 1:
        t, s = t @ made.fuse_t.weight.T, s @ made.fuse_s.weight.T
    at = torch.arange(6, dtype=torch.float64)
    columns = [at.sin(), at.cos(), (at / 100).sin(), (at / 100).cos()]  # 10000 ** (2 / 4) = 100
    t = through(made.layers_t, t + torch.stack(columns, dim=1))
    s = through(made.layers_s, s)
    return torch.cat([t.amax(dim=1), s.amax(dim=1)], dim=1)


def test_streams_are_fused_early():
    made, x = encoder(), clips()
    with torch.no_grad():
        torch.testing.assert_close(made(x), by_hand(made, x, STREAMS), rtol=1e-5, atol=1e-6)
        vector, rows = made.both(x)
        assert torch.equal(vector, made(x)) and torch.equal(rows, made.frames(x))
        torch.testing.assert_close(rows[..., :4].amax(dim=1), vector[:, :4])


@pytest.mark.parametrize("stream", STREAMS)
def test_one_stream_alone(stream):
    made, x = encoder(), clips()
    one = made.only(stream)
    with torch.no_grad():
        torch.testing.assert_close(one(x), by_hand(made, x, [stream]), rtol=1e-5, atol=1e-6)
        assert torch.equal(one(x), made.alone(x, stream)) and not torch.equal(one(x), made(x))
    assert (one.stream, one.streams, made.streams) == (stream, (stream,), STREAMS)
    assert all(a is b for a, b in zip(one.parameters(), made.parameters(), strict=True))


def test_a_batch_in_pieces_is_the_same_batch():
    made, x = encoder(), clips()
    whole = made(x), made.alone(x, "bone")
    made.chunk = 2
    for one, other in zip(whole, (made(x), made.alone(x, "bone")), strict=True):
        torch.testing.assert_close(one, other)


def test_bad_arguments():
    with pytest.raises(ValueError, match="fused derives its streams itself: use stream joint, not"):
        Fused(SBU15, stream="motion", dim=4)
    with pytest.raises(InputError, match="unknown stream 'bones'"):
        encoder().only("bones")
    sttr = ENCODERS["sttr"](SBU15, dim=4)
    with pytest.raises(ValueError, match=r"umurl needs an encoder that fuses .*, not STTR"):
        UmURL(sttr)
    with pytest.raises(ValueError, match="crossclr needs encoders of one stream, not Fused"):
        CrosSCLR(encoder().float(), queue=4)


def test_the_loss_by_hand():
    weights = {"intra": 2.0, "inter": 3.0, "variance": 0.7, "covariance": 0.4}
    method = UmURL(encoder(), projection=3, **weights).double().train()
    views = [clips(seed=seed) for seed in range(4)]
    terms = method(*views)
    everything = method.encoder(views[3])
    z = {}
    for view, stream in zip(views, STREAMS, strict=False):
        head = method.projectors[stream]
        own = method.encoder.alone(view, stream)
        z[stream] = [head(y[None])[0] for y in (own, everything)]
    center = (z["joint"][0] + z["bone"][0] + z["motion"][0]) / 3
    expected = dict.fromkeys(weights, 0.0)
    for one, share in z.values():
        expected["intra"] = expected["intra"] + F.mse_loss(one, share)
        expected["inter"] = expected["inter"] + F.mse_loss(one, center)
        for rows in (one, share):
            C = torch.cov(rows.T)
            hinge = (1 - (C.diagonal() + 1e-4).sqrt()).relu().mean()
            shared = (C - torch.diag(C.diagonal())).square().sum() / len(C)
            expected["variance"] = expected["variance"] + hinge
            expected["covariance"] = expected["covariance"] + shared
    expected = {name: weights[name] * value for name, value in expected.items()}
    assert set(terms) == {*expected, "loss"}
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, msg=name)
    torch.testing.assert_close(terms["loss"], sum(expected.values()))
    parameters = list(method.parameters())
    found = torch.autograd.grad(terms["loss"], parameters)
    wanted = torch.autograd.grad(sum(expected.values()), parameters)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)


def test_views_and_other_methods():
    method = UmURL(encoder().float())
    x = torch.randn(3, 3, 20, 15, 2)
    lengths = torch.tensor([20, 9, 1])
    views = method.views(x, lengths, torch.Generator().manual_seed(0))
    assert [view.shape for view in views] == [(3, 3, 6, 15, 2)] * 4
    assert not any(torch.equal(views[0], view) for view in views[1:])
    USDRL(encoder())  # has temporal and spatial tokens


@pytest.mark.slow
def test_rows_name_all_streams_and_a_model_is_read_again(tmp_path):
    given = ["encoder.dim=4", "encoder.frames=8", *SETTINGS[2:], "train.epochs=1"]
    given += ["train.schedule=constant", "train.warmup_epochs=0"]
    run = api.pretrain("umurl", tiny(), out=tmp_path / "run", split="half", overrides=given)
    rows = api.evaluate(["knn"], run, tiny(), split="half")
    assert {row["stream"] for row in rows} == {"joint+motion+bone"}
    model = fit_classifier(
        run, tiny(), split="half", how=FitClassifier(heads=("prototype",), folds=2)
    )
    assert load_model(model.save(tmp_path / "model")).encoder.streams == STREAMS
