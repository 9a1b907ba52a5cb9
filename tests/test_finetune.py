import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from protocol_fakes import Joints, Pool, assert_same, clips, snapshot
from torch import nn

from skelf.augment.basic import resize
from skelf.data.batch import ClipBatches
from skelf.encoders.gru import GRU
from skelf.errors import InputError
from skelf.layouts import KINECT20, NTU25
from skelf.protocols import PROTOCOLS, _inputs
from skelf.protocols._training import batches, fit, linear_head, set_mode, trained_copy
from skelf.protocols.finetune import Finetune, _chosen, finetune, judge
from skelf.protocols.linear import hold_out
from skelf.protocols.recipe import Recipe
from skelf.settings.evaluation import evaluation
from skelf.settings.options import from_flat

LABELS = np.arange(35) % 7
FAST = {"epochs": 3, "lr": 0.05, "batch_size": 16, "milestones": (2,)}


class Net(Joints):
    """Joints' means through a BatchNorm, dropout and weights that train."""

    def __init__(self, dropout=0.0):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.norm, self.drop = nn.BatchNorm1d(60), nn.Dropout(dropout)
        self.weight = nn.Parameter(torch.randn(60, 12, generator=generator) / 8)
        self.dim = 12

    def forward(self, x):
        return self.drop(self.norm(super().forward(x))).tanh() @ self.weight


def tensors(some):
    return resize(*ClipBatches(some)(np.arange(len(some))), 8)


@pytest.mark.parametrize("batchnorm", ["update", "frozen", "eval"])
def test_against_a_plain_loop(batchnorm):
    """20 clips in batches of 8: three steps an epoch."""
    train, test = clips(LABELS[:20], noise=1.0), clips(LABELS, noise=1.0, seed=1)
    encoder = Net()
    outcome = finetune(
        encoder,
        train,
        test,
        from_flat(
            Finetune,
            {
                "epochs": 2,
                "lr": 0.1,
                "head_lr": 0.3,
                "batch_size": 8,
                "milestones": (1,),
                "gamma": 0.5,
                "weight_decay": 0.01,
                "nesterov": True,
                "clip_norm": 0.5,
                "batchnorm": batchnorm,
            },
        ),
        seed=4,
    )
    generator = torch.Generator().manual_seed(4)
    model, head = copy.deepcopy(encoder), nn.Linear(12, 7)
    head.weight.data = torch.randn(7, 12, generator=generator) * 0.01
    head.bias.data.zero_()
    x, labels = tensors(train), torch.as_tensor(train.label).long()
    everything = [*model.parameters(), *head.parameters()]
    groups = [{"params": model.parameters()}, {"params": head.parameters(), "lr": 0.3}]
    sgd = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)
    clipped = 0
    for epoch in range(2):
        order = torch.randperm(20, generator=generator)
        model.train(batchnorm != "eval")
        model.norm.train(batchnorm == "update")
        for part in (order[:8], order[8:16], order[16:]):
            sgd.zero_grad()
            F.cross_entropy(head(model(x[part])), labels[part]).backward()
            norm = sum(float(p.grad.square().sum()) for p in everything) ** 0.5
            clipped += norm > 0.5
            for p in everything:
                p.grad *= min(1.0, 0.5 / norm)
            sgd.step()
        if epoch == 0:
            for group in sgd.param_groups:
                group["lr"] *= 0.5
    assert clipped > 0
    with torch.no_grad():
        scores = head(model.eval()(tensors(test))).numpy()
    np.testing.assert_allclose(outcome.scores, scores, atol=1e-4)
    assert outcome.values["top1.last"] == np.mean(outcome.scores.argmax(1) == LABELS)


def test_modes_of_the_encoder():
    encoder = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5), nn.GRU(3, 3), nn.GRU(3, 3, 2))
    encoder[3].dropout = 0.1

    def flags(batchnorm):
        set_mode(encoder, batchnorm)
        return [module.training for module in (encoder, *encoder)]

    assert flags("update") == [True] * 5
    assert flags("frozen") == [True, False, True, True, True]
    # A recurrent layer without dropout is the same in both modes and cuDNN trains it in one.
    assert flags("eval") == [False, False, False, True, False]
    assert flags("update") == [True] * 5


@pytest.mark.parametrize(
    ("batchnorm", "statistics", "dropped"),
    [("update", True, True), ("frozen", False, True), ("eval", False, False)],
)
def test_what_the_modes_do(batchnorm, statistics, dropped):
    model, head = trained_copy(Net(dropout=0.5), "cpu"), linear_head(12, 7, torch.Generator())
    x, labels = tensors(clips(LABELS)), torch.from_numpy(LABELS)
    before = snapshot(model)[0]
    seen = []

    def loss(indices):
        kept = model.drop(torch.ones(100))
        seen.append(bool((kept == 0).any()))
        return F.cross_entropy(head(model(x[indices])), labels[indices])

    recipe = Recipe(epochs=3, lr=0.1, batch_size=16, milestones=(), batchnorm=batchnorm)
    epochs = []
    for epoch in fit(model, head, recipe, 35, loss, torch.Generator().manual_seed(0), test_every=2):
        epochs.append(epoch)
        assert not model.training and not model.norm.training and not head.training
    assert epochs == [2, 3]
    assert seen == [dropped] * 9
    after = model.state_dict()
    assert (not torch.equal(after["norm.running_mean"], before["norm.running_mean"])) == statistics
    for name in ("weight", "norm.weight", "norm.bias"):
        assert not torch.equal(after[name], before[name])


@pytest.mark.parametrize("batchnorm", ["update", "eval"])
def test_encoder_stays_as_it_is(batchnorm):
    encoder = Net(dropout=0.5).train()
    encoder.norm.eval()
    encoder.norm.weight.requires_grad_(False)
    before = snapshot(encoder)
    options = {**FAST, "batchnorm": batchnorm, "validation": 0.2}
    finetune(encoder, clips(LABELS), clips(LABELS, seed=1), from_flat(Finetune, options))
    assert_same(encoder, before)


@pytest.mark.parametrize("kind", ["net", "gru"])
def test_separable_clips_are_recognised(kind):
    torch.manual_seed(0)
    encoder = Net() if kind == "net" else GRU(KINECT20, dim=16, layers=1, frames=8, persons=1)
    options = {**FAST, "epochs": 12, "milestones": (10,), "lr": 0.1}
    outcome = finetune(encoder, clips(LABELS), clips(LABELS, seed=1), from_flat(Finetune, options))
    assert set(outcome.values) == {"top1.last", "top1.best_on_test", "top5.last"}
    assert min(outcome.values.values()) > 0.95
    assert outcome.scores.shape == (35, 7) and outcome.scores.dtype == np.float32
    assert np.array_equal(outcome.labels, LABELS)
    assert list(outcome.by_selection()) == ["last", "best_on_test"]


def test_chance_on_meaningless_labels():
    rng = np.random.default_rng(0)
    some = clips(np.zeros(200, int), seed=2), clips(np.zeros(400, int), seed=3)
    for part in some:
        part.label[:] = rng.integers(0, 4, len(part))
    values = finetune(Net(), *some, from_flat(Finetune, FAST)).values
    assert values["top1.last"] == pytest.approx(0.25, abs=0.08)
    assert "top5.last" not in values


def test_published_recipe_is_the_default():
    outcome = finetune(Net(), clips(LABELS[:14]), clips(LABELS[:14]))
    for part in ("lr 0.01 ", "batch 64", "80 epochs", "(50, 70)", "decay 0", "batchnorm update"):
        assert part in outcome.definition
    assert "\n" not in outcome.definition and "Nesterov" not in outcome.definition
    assert PROTOCOLS["finetune"] is finetune


def test_same_seed_same_numbers_and_the_global_generator_stays():
    some = clips(LABELS, noise=2.0), clips(LABELS, noise=2.0, seed=1)
    encoder = Net(dropout=0.5)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = finetune(encoder, *some, from_flat(Finetune, FAST | {"augment": "crop"}), seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(6)
    again = finetune(encoder, *some, from_flat(Finetune, FAST | {"augment": "crop"}), seed=1)
    assert np.array_equal(first.scores, again.scores)
    other = finetune(encoder, *some, from_flat(Finetune, FAST | {"augment": "crop"}), seed=2)
    assert not np.array_equal(first.scores, other.scores)


def test_validated_learns_from_the_rest_only():
    train, test = clips(LABELS, noise=2.0), clips(LABELS, noise=2.0, seed=1)
    options = {**FAST, "test_every": 3}  # one check: its scores are the chosen ones
    outcome = finetune(
        Net(), train, test, from_flat(Finetune, options | {"validation": 0.2}), seed=3
    )
    held = hold_out(torch.from_numpy(LABELS), 0.2, 3).numpy()
    rest = finetune(
        Net(),
        train.take(np.setdiff1d(np.arange(35), held)),
        test,
        from_flat(Finetune, options),
        seed=3,
    )
    assert np.array_equal(outcome.selected["validated"], rest.scores)
    assert np.array_equal(
        outcome.scores, finetune(Net(), train, test, from_flat(Finetune, options), seed=3).scores
    )
    assert "28" not in outcome.definition and "7 held-out" in outcome.definition


def test_scores_of_a_selection_give_its_value():
    some = clips(LABELS, noise=6.0), clips(LABELS, noise=6.0, seed=1)
    options = {**FAST, "epochs": 12, "lr": 1.0, "test_every": 1, "validation": 0.2}
    outcome = finetune(Net(), *some, from_flat(Finetune, options))
    assert outcome.values["top1.best_on_test"] > outcome.values["top1.last"]
    for name, scores in outcome.by_selection().items():
        assert outcome.values[f"top1.{name}"] == np.mean(scores.argmax(axis=1) == LABELS)


def test_of_equal_checks_the_later_on_the_test_and_the_first_on_the_hold_out():
    labels = torch.tensor([0, 1])
    good, bad = torch.eye(2), torch.eye(2).flip(0)
    last, best = judge([good, good * 2, bad], labels)
    assert torch.equal(last, bad) and torch.equal(best, good * 2)
    checks = [[bad, good * 3], [good, good * 4], [good, good * 5]]
    assert torch.equal(_chosen(checks, labels), good * 4)


def ramp(lengths):
    """Clips whose every number is the frame's place."""
    some = clips(np.arange(len(lengths)) % 2)
    time = np.concatenate([np.arange(n) for n in lengths])
    joints = np.broadcast_to(time[:, None, None, None], (len(time), 1, 20, 3))
    return type(some).build(
        joints, np.array(lengths), KINECT20, class_names=["a", "b"], label=some.label
    )


def test_crops_cover_half_to_all_of_a_clip():
    some = ramp([80] * 200)
    torch.manual_seed(0)
    x = _inputs.crops(Joints(), some, "cpu")(torch.arange(200))
    first, last = x[:, 0, 0, 0, 0], x[:, 0, -1, 0, 0]
    # 8 frames of a crop of n are n / 8 apart and start half of that from its edge, less a half.
    span = (last - first) * 8 / 7
    assert 39.9 < span.min() < 43 and 77 < span.max() < 80.1
    assert first.min() < 8 and last.max() > 70
    assert torch.equal(_inputs.still(Joints(), some, "cpu")(torch.tensor([3]))[0], tensors(some)[3])


def test_short_clips_are_not_cropped():
    some = ramp([3, 8, 5, 6]), ramp([4, 7])
    a, b = (
        finetune(Net(), *some, from_flat(Finetune, FAST | {"augment": kind}))
        for kind in ("none", "crop")
    )
    assert np.array_equal(a.scores, b.scores)
    long = ramp([60, 80, 50, 60])
    a, b = (
        finetune(Net(), long, long, from_flat(Finetune, FAST | {"augment": kind}))
        for kind in ("none", "crop")
    )
    assert not np.array_equal(a.scores, b.scores)


def test_a_split_that_does_not_fit_is_streamed(monkeypatch):
    some, order = clips(LABELS, noise=1.0), torch.tensor([3, 30, 0])
    kept = _inputs.still(Joints(), some, "cpu")(order)
    assert torch.equal(kept, tensors(some)[order])
    monkeypatch.setattr(_inputs, "CPU_BYTES", 0)
    monkeypatch.setattr(_inputs.ClipBatches, "stream", None)
    assert torch.equal(_inputs.still(Joints(), some, "cpu")(order), kept)


def test_batches_are_all_clips_once():
    generator = torch.Generator().manual_seed(0)
    for count, size, sizes in ((9, 4, [4, 5]), (10, 4, [4, 4, 2]), (3, 1, [1, 1, 1]), (1, 4, [1])):
        parts = list(batches(count, size, generator))
        assert [len(part) for part in parts] == sizes
        assert sorted(torch.cat(parts).tolist()) == list(range(count))


def test_unlabelled_clips_are_dropped():
    some = clips(LABELS)
    labels = LABELS.copy()
    labels[::5] = -1
    gaps = clips(LABELS.copy())
    gaps.label[:] = labels
    known = some.take(np.flatnonzero(labels >= 0))
    a, b = (finetune(Net(), part, part, from_flat(Finetune, FAST)) for part in (gaps, known))
    assert np.array_equal(a.scores, b.scores)


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"lr": 0.0},
        {"lr": float("nan")},
        {"head_lr": 0.0},
        {"batch_size": 0},
        {"milestones": (0,)},
        {"gamma": 0.0},
        {"momentum": 1.0},
        {"nesterov": "maybe"},
        {"weight_decay": -1.0},
        {"clip_norm": -1.0},
        {"batchnorm": "train"},
        {"augment": "flip"},
        {"test_every": 0},
        {"validation": 1.0},
    ],
)
def test_bad_options(options):
    ((key, value),) = options.items()
    with pytest.raises(InputError, match=f"eval.{key}: "):
        finetune(Net(), clips(LABELS), clips(LABELS), from_flat(Finetune, options))
    word = list(value) if isinstance(value, tuple) else value
    with pytest.raises(InputError, match=f"eval.{key}: "):
        evaluation({"finetune": finetune}, overrides=[f"eval.{key}={word}"])


def test_no_rate_of_its_own_for_the_classifier():
    given = evaluation({"finetune": finetune}, overrides=["eval.head_lr=none"])
    assert given["finetune"].tuning.recipe.head_lr is None


def test_bad_input():
    good = clips(LABELS)
    with pytest.raises(InputError, match="single class"):
        finetune(Net(), clips(np.zeros(4, int)), good)
    unlabelled = clips(LABELS.copy())
    unlabelled.label[:] = -1
    with pytest.raises(InputError, match="test split holds no labelled clips"):
        finetune(Net(), good, unlabelled)
    other = Net()
    other.skeleton = NTU25
    with pytest.raises(InputError, match=r"20 joints.*the encoder takes 25"):
        finetune(other, good, good)
    with pytest.raises(InputError, match=r"eval\.nesterov: needs momentum"):
        finetune(Net(), good, good, from_flat(Finetune, FAST | {"nesterov": True, "momentum": 0.0}))


def test_divergence_is_an_error_with_a_remedy():
    with pytest.raises(InputError, match=r"eval\.lr: .*diverged in epoch \d+.* lower eval\.lr$"):
        finetune(
            Joints(), clips(LABELS), clips(LABELS), from_flat(Finetune, {"lr": 1e38, "epochs": 5})
        )
    with pytest.raises(InputError, match=r"lower eval\.lr and eval\.head_lr$"):
        finetune(
            Net(), clips(LABELS), clips(LABELS), from_flat(Finetune, {"head_lr": 1e38, "epochs": 5})
        )


def test_an_encoder_without_weights_trains_its_classifier():
    outcome = finetune(
        Joints(), clips(LABELS), clips(LABELS), from_flat(Finetune, FAST | {"epochs": 12})
    )
    assert outcome.values["top1.last"] > 0.9


def test_encoders_with_dropout_and_odd_batches_train():
    labels = LABELS[:17]  # a lone last clip, of which a BatchNorm of vectors has no statistics
    assert finetune(Pool(), clips(labels), clips(labels), from_flat(Finetune, FAST)).values
