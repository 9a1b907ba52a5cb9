"""Batches: resident, streamed and a loop over clips give the same."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from skelf.augment.basic import resize
from skelf.data import batch as batch_module
from skelf.data import staging
from skelf.data.batch import ClipBatches
from skelf.data.clips import ClipSet
from skelf.data.normalize import normalize
from skelf.errors import InputError
from skelf.layouts import SBU15

LENGTHS = [7, 1, 12, 30, 5, 9]


def clips(persons=2):
    generator = np.random.default_rng(0)
    joints = generator.normal(size=(sum(LENGTHS), persons, 15, 3)).astype(np.float32)
    joints[8:14, 1:] = 0  # the second person leaves
    return ClipSet.build(joints, LENGTHS, SBU15, label=np.arange(6), class_names=list("abcdef"))


def stored(tmp_path, name="set.h5"):
    path = tmp_path / name
    clips().save(path)
    opened = ClipSet.open(path)
    assert isinstance(opened.joints, np.memmap)
    return opened


def loop(data, indices, persons):
    """The batch clip by clip."""
    lengths = [len(data.clip(i)) for i in indices]
    x = torch.zeros(len(indices), data.channels, max(lengths), data.skeleton.joints, persons)
    for row, index in enumerate(indices):
        clip = torch.from_numpy(np.array(data.clip(index)))  # (T, M, V, C)
        for person in range(min(persons, data.persons)):
            x[row, :, : len(clip), :, person] = clip[:, person].permute(2, 0, 1)
    return normalize(x, torch.tensor(lengths), data.normalize, data.skeleton)


@pytest.mark.parametrize("resident", [True, False, "auto"])
@pytest.mark.parametrize("persons", [None, 1, 2, 3])
@pytest.mark.parametrize("name", ["none", "centre"])
def test_batches_are_the_clips(tmp_path, resident, persons, name):
    for data in (clips(), stored(tmp_path)):
        data = replace(data, normalize=name)
        batches = ClipBatches(data, persons=persons, resident=resident)
        assert len(batches) == 6
        assert (batches._frames is None) == (resident is False)
        for indices in ([0, 1, 2, 3, 4, 5], [3], [4, 1, 4], [1]):
            x, lengths = batches(np.array(indices))
            expected, true_lengths = loop(data, indices, persons or 2)
            assert x.dtype == torch.float32
            assert torch.equal(x, expected)
            assert lengths.tolist() == true_lengths.tolist() == [LENGTHS[i] for i in indices]
            assert all(
                torch.equal(a, b)
                for a, b in zip(batches(torch.tensor(indices)), (x, lengths), strict=True)
            )


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("chosen", [[2, 3, 4], [5, 0, 3, 3], [1]], ids=["run", "any", "one"])
def test_subsets(tmp_path, resident, chosen):
    data = stored(tmp_path)
    part = data.take(chosen)
    batches = ClipBatches(part, resident=resident)
    if resident:  # kept are its own frames and an empty one, no more
        assert batches._frames.shape[1] == sum(LENGTHS[i] for i in chosen) + 1
    x, lengths = batches(np.arange(len(chosen)))
    expected, _ = loop(data, chosen, 2)
    assert torch.equal(x, expected)
    assert lengths.tolist() == [LENGTHS[i] for i in chosen]


@pytest.mark.parametrize("resident", [True, False])
def test_stream_gives_every_batch_in_order(tmp_path, resident):
    batches = ClipBatches(stored(tmp_path), resident=resident)
    order = [np.array([3, 0]), np.array([5]), np.array([1, 2, 4])]
    streamed = list(batches.stream(iter(order)))
    assert len(streamed) == 3
    for indices, (x, lengths) in zip(order, streamed, strict=True):
        expected, true_lengths = batches(indices)
        assert torch.equal(x, expected) and torch.equal(lengths, true_lengths)
    assert list(batches.stream([])) == []


def test_stream_reads_one_ahead_and_passes_errors_on(tmp_path):
    batches, asked = ClipBatches(stored(tmp_path), resident=False), []

    def order():
        for indices in ([0], [1], [99]):
            asked.append(indices[0])
            yield np.array(indices)

    stream = batches.stream(order())
    next(stream)
    assert asked == [0, 1]
    with pytest.raises(IndexError):
        list(stream)


class FakeGpu:
    """CUDA's streams and events on a CPU; a copy is as late as it may be: when it is waited for."""

    def __init__(self, monkeypatch):
        self.buffers, self.waits, self.queued = [], [], []
        monkeypatch.setattr(staging, "_locked", self.locked)
        monkeypatch.setattr(staging, "_copied", self.copied)
        monkeypatch.setattr(torch.Tensor, "record_stream", lambda x, stream: None)
        monkeypatch.setattr(torch.cuda, "Stream", lambda device: "side")
        monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: self)
        monkeypatch.setattr(torch.cuda, "Event", lambda: FakeEvent(self))

    def locked(self, size, dtype):
        self.buffers.append(torch.full((size,), -1, dtype=dtype))
        return self.buffers[-1]

    def copied(self, source, device):
        target = torch.zeros_like(source)
        self.queued.append(lambda: target.copy_(source))
        return target

    def wait_event(self, event):
        self.waits.append("device")
        event.finish()


class FakeEvent:
    def __init__(self, gpu):
        self.gpu, self.work = gpu, []

    def record(self, stream):
        assert stream == "side"
        self.work, self.gpu.queued = self.gpu.queued, []

    def synchronize(self):
        self.gpu.waits.append("host")
        self.finish()

    def finish(self):
        while self.work:
            self.work.pop()()


def test_a_locked_buffer_is_kept_and_not_overwritten_before_its_copy_is_done(monkeypatch):
    gpu, data = FakeGpu(monkeypatch), clips()
    batches = ClipBatches(data, resident=False)
    order = [np.array(i) for i in ([3, 0], [2, 5], [5], [1, 2, 4], [3, 2, 0], [0], [4, 3])]
    # What reads ahead, as `stream` does on a GPU: each is sent before the last one is used.
    line, sent = staging.Staging(torch.device("cuda")), []
    for n, indices in enumerate(order):
        sent.append(batches._send(indices, line))
        if n:
            check(batches._finish(*sent[n - 1]()), data, order[n - 1])
    check(batches._finish(*sent[-1]()), data, order[-1])
    assert len(gpu.buffers) <= 2 * 4  # frames and lengths, two slots, grown once each
    assert gpu.waits.count("device") == len(order)
    assert gpu.waits.count("host") == len(order) - staging.SLOTS


def check(batch, data, indices):
    expected, lengths = loop(data, indices, 2)
    assert torch.equal(batch[0], expected) and torch.equal(batch[1], lengths)


def test_batches_do_not_alias_the_set():
    data = clips()
    before = data.joints.copy()
    for resident in (True, False):
        batches = ClipBatches(data, resident=resident)
        batches(np.arange(6))[0].fill_(7)
        assert np.array_equal(data.joints, before)
        assert torch.equal(batches(np.arange(6))[0], loop(data, range(6), 2)[0])


def test_auto_keeps_what_fits(monkeypatch):
    monkeypatch.setattr(batch_module, "RESIDENT_SHARE", 0.0)
    assert ClipBatches(clips())._frames is None
    monkeypatch.undo()
    assert ClipBatches(clips())._frames is not None


@pytest.mark.parametrize("resident", [True, False, "auto"])
def test_an_empty_set_is_refused(resident):
    with pytest.raises(InputError, match="there are no clips"):
        ClipBatches(clips().take([]), resident=resident)


def test_unknown_normalisation():
    with pytest.raises(InputError, match="unknown normalisation"):
        ClipBatches(replace(clips(), normalize="hip"))(np.arange(2))


def test_resize_takes_the_whole_clip():
    data = clips()
    x, lengths = ClipBatches(data)(np.arange(6))
    resized = resize(x, lengths, 10)
    assert resized.shape == (6, 3, 10, 15, 2)
    for index, row in enumerate(resized):
        clip = torch.from_numpy(data.clip(index)).permute(3, 2, 1, 0).reshape(1, 90, -1)
        expected = F.interpolate(clip, size=10, mode="linear").view(3, 15, 2, 10)
        torch.testing.assert_close(row, expected.permute(0, 3, 1, 2), rtol=1e-4, atol=1e-5)
