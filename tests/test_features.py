import dataclasses

import numpy as np
import pytest
import torch
from protocol_fakes import Pool, assert_same, clips, snapshot

from skelf.augment.basic import resize
from skelf.data.batch import ClipBatches
from skelf.encoders.dste import DSTE
from skelf.errors import InputError
from skelf.layouts import KINECT20, NTU25
from skelf.protocols import features, similarity

LABELS = np.arange(50) % 4


def test_each_clip_gets_its_own_row_whatever_the_batches():
    encoder, some = Pool().eval(), clips(LABELS)
    got = features.extract(encoder, some, batch_size=7)
    assert got.shape == (50, 16)
    assert got.dtype == torch.float32
    assert not got.requires_grad
    batches = ClipBatches(some, "cpu", persons=1)
    for i in range(50):  # one clip at a time: no padding, no sorting
        x, lengths = batches(np.array([i]))
        with torch.no_grad():
            expected = encoder(resize(x, lengths, 8))[0]
        torch.testing.assert_close(got[i], expected, atol=1e-5, rtol=1e-5)
    assert all(shape[2] == 8 for shape in encoder.seen)


def test_encoder_comes_back_as_it_was():
    encoder = Pool().train()
    encoder.norm.eval()  # a mixture of flags must survive
    before = snapshot(encoder)
    features.extract(encoder, clips(LABELS))
    assert_same(encoder, before)


def test_bf16_where_the_encoder_says_so(tmp_path):
    encoder = DSTE(KINECT20, dim=16, frames=8, persons=1).eval()
    some = clips(LABELS)
    exact = features.extract(encoder, some, cache=tmp_path)
    encoder.frozen_precision = "bf16"
    rounded = features.extract(encoder, some, cache=tmp_path)
    assert rounded.dtype == torch.float32 and not torch.equal(exact, rounded)
    assert torch.cosine_similarity(exact, rounded).min() > 0.999
    assert len(list(tmp_path.iterdir())) == 2  # one is not taken for the other


def test_flags_are_restored_after_an_error():
    encoder = Pool().train()
    encoder.weight = torch.nn.Parameter(torch.zeros(16, 5))
    with pytest.raises(RuntimeError):
        features.extract(encoder, clips(LABELS))
    assert all(m.training for m in encoder.modules())


def test_cache_is_used_the_second_time(tmp_path):
    encoder, some = Pool(), clips(LABELS)
    first = features.extract(encoder, some, cache=tmp_path / "new" / "folder")
    calls = len(encoder.seen)
    again = features.extract(encoder, clips(LABELS), cache=tmp_path / "new" / "folder")
    assert len(encoder.seen) == calls == 1
    assert torch.equal(first, again)
    assert [p.suffix for p in (tmp_path / "new" / "folder").iterdir()] == [".safetensors"]


def _changed(name):
    encoder, some = Pool(), clips(LABELS)
    if name == "weights":
        encoder.weight.data[0, 0] += 1e-6
    elif name == "statistics":
        encoder.norm.running_mean += 1
    elif name == "buffer":
        encoder.shift += 1
    elif name == "stream":
        encoder.stream = "bone"
    elif name == "frames":
        encoder.num_frames = 9
    elif name == "module":
        encoder.drop = torch.nn.Identity()
    elif name == "clips":
        some = clips(LABELS, seed=1)
    elif name == "order":
        some = some.take(np.arange(50)[::-1])
    elif name == "normalize":
        some = dataclasses.replace(some, normalize="centre")
    return encoder, some


@pytest.mark.parametrize(
    "name",
    [
        "weights",
        "statistics",
        "buffer",
        "stream",
        "frames",
        "module",
        "clips",
        "order",
        "normalize",
    ],
)
def test_cache_knows_what_the_features_depend_on(tmp_path, name):
    features.extract(*_changed(""), cache=tmp_path)
    features.extract(*_changed(name), cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "text"])
def test_damaged_cache_is_rewritten(tmp_path, damage):
    encoder, some = Pool(), clips(LABELS)
    first = features.extract(encoder, some, cache=tmp_path)
    (path,) = tmp_path.iterdir()
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[-1] ^= 1
    spoilt = {"truncated": good[:-8], "empty": b"", "flipped": flipped, "text": b"hello" * 99}
    path.write_bytes(spoilt[damage])
    assert torch.equal(features.extract(encoder, some, cache=tmp_path), first)
    assert path.read_bytes() == good
    assert len(encoder.seen) == 2


def test_unwritable_cache_warns_and_keeps_the_features(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.warns(UserWarning, match="not cached"):
        got = features.extract(Pool(), clips(LABELS), cache=tmp_path / "file" / "cache")
    assert got.shape == (50, 16)


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(features, "save_file", full)
    with pytest.warns(UserWarning, match="no space left"):
        features.extract(Pool(), clips(LABELS), cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_unlabelled_clips_are_dropped():
    labels = np.where(np.arange(50) % 3 == 0, -1, LABELS)
    some = clips(labels)
    got = features.extract_splits(Pool(), some, some)
    assert np.array_equal(got.train_labels, labels[labels >= 0])
    assert got.train.shape == got.test.shape == (int((labels >= 0).sum()), 16)
    assert got.classes == 4


def test_classes_are_those_with_a_name_or_a_label():
    assert features.extract_splits(Pool(), clips(LABELS, classes=9), clips(LABELS)).classes == 9
    assert features.extract_splits(Pool(), clips(LABELS), clips([0, 6])).classes == 7


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([-1, -1], LABELS, "training split holds no labelled clips"),
        (LABELS, [-1], "test split holds no labelled clips"),
        ([2, 2, -1], LABELS, "training split holds a single class"),
    ],
)
def test_splits_that_cannot_be_judged(train, test, message):
    with pytest.raises(InputError, match=message):
        features.extract_splits(Pool(), clips(train, classes=4), clips(test, classes=4))


def test_wrong_layout_is_refused():
    encoder = Pool()
    encoder.skeleton = NTU25
    with pytest.raises(InputError, match=r"20 joints .* encoder takes 25"):
        features.extract(encoder, clips(LABELS))


def _other(**changes):
    return dataclasses.replace(clips(LABELS), skeleton=dataclasses.replace(KINECT20, **changes))


def test_another_layout_of_as_many_joints_is_refused():
    swapped = (KINECT20.names[1], KINECT20.names[0], *KINECT20.names[2:])
    with pytest.raises(InputError, match=r"\(mine\), .* 20 \(kinect20\); joint 0 .* --layout"):
        features.extract(Pool(), _other(names=swapped, name="mine"))
    parents = list(KINECT20.parents)
    leaf = next(j for j in range(20) if j not in parents and parents[j] != KINECT20.root)
    parents[leaf] = KINECT20.root
    with pytest.raises(InputError, match=rf"\(another 'kinect20'\).*joint {leaf} .*below"):
        features.extract(Pool(), _other(parents=tuple(parents)))
    named = _other(names=tuple(name.upper() for name in KINECT20.names), name="custom", centre=3)
    assert torch.equal(features.extract(Pool(), named), features.extract(Pool(), clips(LABELS)))


def test_a_split_is_streamed_not_loaded(monkeypatch):
    made = []

    class Spy(ClipBatches):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self)

        def __call__(self, indices):
            raise AssertionError("batches are read ahead, by stream")

    monkeypatch.setattr(features, "ClipBatches", Spy)
    features.extract(Pool(), clips(LABELS), batch_size=20)
    assert [batches._frames for batches in made] == [None]


def test_no_clips_are_refused():
    with pytest.raises(InputError, match="no clips"):
        features.extract(Pool(), clips(LABELS).take([]))


def test_features_that_are_not_finite_are_refused_and_not_cached(tmp_path):
    encoder = Pool()
    encoder.weight.data[3] = float("nan")
    with pytest.raises(InputError, match="NaN or Inf"):
        features.extract(encoder, clips(LABELS), cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_cosine_blocks_cover_all_queries_within_the_budget():
    generator = torch.Generator().manual_seed(0)
    queries, gallery = (torch.randn(n, 5, generator=generator) for n in (23, 10))
    queries[4] = 0
    blocks = list(similarity.cosine_blocks(queries, gallery, block_bytes=4 * 10 * 6))
    assert [b.stop - b.start for b, _ in blocks] == [6, 6, 6, 5]
    expected = torch.nn.functional.cosine_similarity(queries[:, None], gallery[None], dim=2)
    torch.testing.assert_close(torch.cat([s for _, s in blocks]), expected)
