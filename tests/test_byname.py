"""ByName: joints by their names, so that their order, their number and absent ones don't matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest
import torch
from layout_cases import CASES
from torch import Tensor, nn

from skelf.contracts import AnyLayout
from skelf.encoders._joint_features import FEATURES, JointFeatures, in_bins
from skelf.encoders._joint_names import NameTable
from skelf.encoders._tokens import Attention, turned, turns
from skelf.encoders.byname import ByName
from skelf.encoders.ensemble import Ensemble
from skelf.errors import InputError
from skelf.joints.body import KNOWN, LIMBS, SPARE, VOCABULARY, body_places
from skelf.layouts import COCO17, KINECT20, NTU25, SBU15
from skelf.skeleton import Skeleton
from skelf.streams import STREAMS


def shaken(encoder: ByName) -> ByName:
    """Weights so large that every path matters, those of names too."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
    return encoder.eval()


def made(skeleton: Skeleton = KINECT20, channels: int = 3, persons: int = 2, **more) -> ByName:  # type: ignore[no-untyped-def]
    sizes = {"dim": 8, "frames": 6, "layers": 2, "heads": 2, "bins": 4} | more
    return shaken(ByName(skeleton, channels, persons, **sizes))


def clips(skeleton: Skeleton = KINECT20, channels: int = 3, persons: int = 2) -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.randn(3, channels, 6, skeleton.joints, persons, generator=draw)


def scored(skeleton: Skeleton = KINECT20, persons: int = 2) -> Tensor:
    """Clips with a confidence; a fifth of the joints are missing in a frame."""
    x = clips(skeleton, 4, persons)
    x[:, 3] = torch.rand(x[:, 3].shape, generator=torch.Generator().manual_seed(2))
    return x * (x[:, 3:] > 0.2)


def reordered(skeleton: Skeleton, order: Sequence[int]) -> Skeleton:
    """Joint `i` of the new layout is joint `order[i]` of the old one."""
    at = {old: new for new, old in enumerate(order)}
    parents = [skeleton.parents[old] for old in order]
    return Skeleton(
        names=tuple(skeleton.names[old] for old in order),
        parents=tuple(at[p] if p >= 0 else -1 for p in parents),
        pairs=tuple((at[a], at[b]) for a, b in skeleton.pairs),
        parts={part: tuple(at[j] for j in joints) for part, joints in skeleton.parts.items()},
        centre=at[skeleton.centre],
    )


def without(skeleton: Skeleton, names: Sequence[str]) -> tuple[Skeleton, list[int]]:
    """The layout without some joints at the ends of limbs, and those that stay."""
    kept = [j for j, name in enumerate(skeleton.names) if name not in names]
    at = {old: new for new, old in enumerate(kept)}
    return Skeleton(
        names=tuple(skeleton.names[j] for j in kept),
        parents=tuple(at.get(skeleton.parents[j], -1) for j in kept),
        pairs=(),
        parts={"body": tuple(range(len(kept)))},
        centre=at[skeleton.centre],
    ), kept


# ---- what does not matter ----


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("skeleton", CASES)
def test_the_order_of_joints_does_not_matter(skeleton: Skeleton, stream: str) -> None:
    order = torch.randperm(skeleton.joints, generator=torch.Generator().manual_seed(3)).tolist()
    encoder, x = made(skeleton, stream=stream), clips(skeleton)
    other = encoder.on(reordered(skeleton, order))
    moved = x[:, :, :, order]
    with torch.no_grad():
        torch.testing.assert_close(other(moved), encoder(x), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(other.frames(moved), encoder.frames(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_numbers_of_an_absent_joint_do_not_matter(stream: str) -> None:
    encoder, x = made(channels=4, confidence=True, stream=stream), scored()
    other = x.clone()
    other[:, :3] += 50 * (x[:, 3:] == 0)
    assert not torch.equal(other, x)
    with torch.no_grad():
        assert torch.equal(encoder(other), encoder(x))
        assert torch.equal(encoder.frames(other), encoder.frames(x))
        assert not torch.allclose(encoder(x + 0.1 * (x[:, 3:] > 0)), encoder(x))


@pytest.mark.parametrize("confidence", [True, False])
def test_an_absent_joint_is_one_that_the_layout_lacks(confidence: bool) -> None:
    ends = ["HandLeft", "HandRight", "FootLeft", "Head"]
    smaller, kept = without(KINECT20, ends)
    x = scored() if confidence else clips()
    for name in ends:
        x[:, :, :, KINECT20.names.index(name)] = 0
    encoder = made(channels=x.shape[1], confidence=confidence)
    with torch.no_grad():
        less = encoder.on(smaller, x.shape[1], confidence)(x[:, :, :, kept])
        torch.testing.assert_close(less, encoder(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("confidence", [True, False])
def test_absent_persons_do_not_matter(confidence: bool) -> None:
    x = scored(persons=1) if confidence else clips(persons=1)
    some = {"channels": x.shape[1], "confidence": confidence}
    alone, three = made(persons=1, **some), made(persons=3, **some)  # type: ignore[arg-type]
    padded = torch.nn.functional.pad(x, (0, 2))
    with torch.no_grad():
        torch.testing.assert_close(three(padded), alone(x))
        torch.testing.assert_close(three.frames(padded), alone.frames(x))
        padded[..., 2] = 1 + padded[..., 0]
        assert not torch.allclose(three(padded), alone(x))


def test_nobody_at_all_is_finite() -> None:
    encoder = made().train()
    vector = encoder(torch.zeros(2, 3, 6, 20, 2))
    vector.sum().backward()
    assert vector.isfinite().all() and encoder.frames(clips() * 0).isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in encoder.parameters())


def test_the_place_of_a_layouts_root_does_not_matter() -> None:
    """Kinect's root is the hip centre, SBU's the torso: poses are measured from the hips."""
    x = clips(persons=1)
    encoder = made(persons=1)
    with torch.no_grad():
        encoder.of_place.weight.zero_()  # where the person is in the room
        torch.testing.assert_close(encoder(x + 5), encoder(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 3, 6, 50])
def test_any_number_of_frames(frames: int) -> None:
    encoder = made(frames=frames)
    x = torch.randn(2, 3, frames, 20, 2)
    with torch.no_grad():
        assert encoder(x).shape == (2, 16) and encoder.frames(x).shape == (2, frames, 16)
    assert made(frames=9).state_dict().keys() == encoder.state_dict().keys()
    made(frames=9).load_state_dict(encoder.state_dict())
    with pytest.raises(ValueError, match="encoder takes"):
        encoder(torch.randn(2, 3, frames + 1, 20, 2))


def test_training_loses_joints_and_judging_none() -> None:
    x = clips(persons=1)[:1].expand(400, -1, -1, -1, -1)
    encoder = made(persons=1, drop=0.3)
    with torch.no_grad():
        assert torch.equal(encoder(x[:1]), made(persons=1, drop=0.0)(x[:1]))
        lost = encoder.train().tokens(x)[1].eq(0).all(dim=2)  # (N, V)
        assert not made(persons=1, drop=0.0).train().tokens(x[:2])[1].eq(0).all(dim=2).any()
    assert lost.float().mean() == pytest.approx(0.3, abs=0.02)
    assert len(lost.unique(dim=0)) > 300


def test_an_uncertain_joint_counts_less() -> None:
    encoder, x = made(persons=1, channels=4, confidence=True), scored(persons=1)
    elbow = KINECT20.names.index("ElbowLeft")
    apart = []
    for sure in (0.0, 1e-4, 0.5, 1.0):
        x[:, 3, :, elbow] = sure
        moved = x.clone()
        moved[:, 0, :, elbow] += 1
        with torch.no_grad():
            rows, _, _, score = encoder.features(moved)
            before, _, _, _ = encoder.features(x)
            share = (score / encoder.features.in_limb(score))[..., None]
            apart.append(float(((rows - before) * share).abs().sum()))
    assert apart[0] == 0 and apart == sorted(set(apart))


# ---- one set of weights ----


@pytest.mark.parametrize("skeleton", CASES)
def test_weights_fit_every_layout(skeleton: Skeleton) -> None:
    encoder = made(COCO17, 2)
    other = ByName(skeleton, 4, 1, confidence=True, dim=8, frames=6, heads=2, bins=4)
    other.load_state_dict(encoder.state_dict())
    assert other(scored(skeleton, 1)).isfinite().all()


def test_another_layout_has_the_same_weights() -> None:
    encoder = made()
    encoder.normalize = "centre"  # type: ignore[assignment]
    other = encoder.on(COCO17, 3, True)
    assert isinstance(encoder, AnyLayout)
    assert (other.skeleton, other.in_channels, other.confidence) == (COCO17, 3, True)
    assert (encoder.skeleton, encoder.in_channels, encoder.confidence) == (KINECT20, 3, False)
    assert other.normalize == "centre" and not other.training
    for one, same in zip(encoder.parameters(), other.parameters(), strict=True):
        assert one is same
    with torch.no_grad():
        again = other.on(KINECT20, 3, False)
        assert torch.equal(again(clips()), encoder(clips()))
    with pytest.raises(ValueError, match="4 coordinates a joint; byname takes 2 or 3"):
        encoder.on(COCO17, 4)


def test_an_ensemble_goes_along() -> None:
    both = Ensemble([made(), made(stream="bone")])
    assert isinstance(both, AnyLayout) and both.any_layout
    assert both.on(SBU15, 3, False)(clips(SBU15)).shape == (3, 32)
    assert both.on(SBU15, 3, False).skeleton is SBU15


def test_flat_clips_are_told_from_deep_ones() -> None:
    flat, x = made(channels=2), clips(channels=2)
    deep = torch.cat([x, torch.zeros_like(x[:, :1])], dim=1)
    with torch.no_grad():
        assert not torch.allclose(flat.on(KINECT20)(deep), flat(x))
        flat.matrices.ends[:, :, 3] = flat.matrices.names[:, 3] = flat.of_place.weight[:, 3] = 0
        flat.embed_s[0].weight.view(8, 4, FEATURES)[..., 3] = 0  # type: ignore[operator]
        torch.testing.assert_close(flat.on(KINECT20)(deep), flat(x))


def test_every_weight_learns() -> None:
    x = torch.cat([clips(channels=2), torch.ones(3, 1, 6, 20, 2)], dim=1)
    encoder = made(channels=3, confidence=True, drop=0.0).train()
    encoder(x).sum().backward()
    for name, weight in encoder.named_parameters():
        assert weight.grad is not None and weight.grad.any() and weight.grad.isfinite().all(), name
    used = {place.row for place in body_places(KINECT20)}
    learnt = encoder.matrices.names.grad.flatten(1).any(dim=1).nonzero().flatten().tolist()  # type: ignore[union-attr]
    assert set(learnt) == used


@pytest.mark.parametrize(
    "sizes, message",
    [
        ({"stream": "bones"}, "unknown stream 'bones'"),
        ({"heads": 3}, "heads=3: must divide dim=8"),
        ({"channels": 1}, "1 coordinates a joint; byname takes 2 or 3"),
    ],
)
def test_wrong_arguments(sizes: dict[str, str | int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**sizes)  # type: ignore[arg-type]


# ---- its parts against slow loops ----


@pytest.mark.parametrize("coordinates", [2, 3])
@pytest.mark.parametrize("confidence", [True, False])
def test_features_by_loop(coordinates: int, confidence: bool) -> None:
    x = scored()[:, : coordinates + confidence].clone()
    if confidence:
        x[:, coordinates] = scored()[:, 3]
    hips = [KINECT20.names.index(name) for name in ("HipLeft", "HipRight")]
    x[0, :, 2, hips[0]] = 0  # the hip centre stands in
    x[0, :, 3, [0, *hips]] = 0
    features = JointFeatures(KINECT20, "joint", coordinates, confidence)
    rows, place, seen, score = features(x)
    D = coordinates
    for n, t, m in product(range(3), range(6), range(2)):
        body = x[n, :, t, :, m]
        some = bool(body.any())
        there = [
            bool(body[-1, j] > 0) if confidence else bool(body[:, j].any()) or (j == 0 and some)
            for j in range(20)
        ]
        if there[hips[0]] and there[hips[1]]:
            middle = body[:D, hips].mean(dim=1)
        else:
            middle = body[:D, 0] if there[0] else body[:D, there].mean(dim=1)
        assert seen[n, t, m].tolist() == there
        sure = body[-1] if confidence else torch.ones(20)
        assert torch.equal(score[n, t, m], sure * torch.tensor(there))
        for j in range(20):
            expected = torch.zeros(FEATURES)
            if there[j]:
                expected[:D] = body[:D, j] - middle
                expected[3] = D == 2
            torch.testing.assert_close(rows[n, t, m, j], expected)
        expected = torch.tensor([0.0, 0.0, 0.0, D == 2])
        expected[:D] = middle
        torch.testing.assert_close(place[n, t, m], expected)


@pytest.mark.parametrize("frames", [3, 8, 9])
def test_bins_by_loop(frames: int) -> None:
    draw = torch.Generator().manual_seed(0)
    score = (torch.rand(2, frames, 1, 5, generator=draw) - 0.3).clamp_min(0)
    rows = torch.randn(2, frames, 1, 5, FEATURES, generator=draw)
    means = in_bins(rows, score, 4).view(2, 1, 5, 4, FEATURES)
    for n in range(2):
        for v in range(5):
            for k in range(4):
                first, last = frames * k // 4, -(-frames * (k + 1) // 4)
                sure = [float(score[n, t, 0, v]) for t in range(first, last)]
                parts = [
                    s * rows[n, t, 0, v] for t, s in zip(range(first, last), sure, strict=True)
                ]
                mean = sum(parts) / sum(sure) if sum(sure) else torch.zeros(FEATURES)
                torch.testing.assert_close(means[n, 0, v, k], mean)


def test_a_matrix_is_its_place_and_its_name() -> None:
    table = NameTable(2, 3)
    nn.init.normal_(table.names)
    table.settle(KINECT20)
    found = table()
    for joint, place in enumerate(body_places(KINECT20)):
        first, last = table.ends[:, LIMBS.index(place.limb)]
        expected = first + place.along * (last - first) + table.names[place.row]
        torch.testing.assert_close(found[joint], expected)


def test_turned_tokens_know_how_far_apart_they_are() -> None:
    q, k = torch.randn(2, 7)
    cos, sin = turns(40, 7, q.device)
    at = lambda vector, place: turned(vector[None], cos[place : place + 1], sin[place : place + 1])  # noqa: E731
    near = (at(q, 3) * at(k, 8)).sum()
    torch.testing.assert_close((at(q, 30) * at(k, 35)).sum(), near)
    assert not torch.isclose((at(q, 8) * at(k, 3)).sum(), near)  # before is not after
    assert not torch.isclose((at(q, 3) * at(k, 9)).sum(), near)
    torch.testing.assert_close(at(q, 20).norm(), q.norm())
    torch.testing.assert_close(at(q, 0)[0], q)


def test_masked_tokens_are_not_asked() -> None:
    attention, x = Attention(8, 2), torch.randn(2, 5, 8)
    mask = torch.zeros(2, 1, 5, 5).masked_fill(torch.arange(5) > 2, -1e4)
    torch.testing.assert_close(attention(x, mask=mask)[:, :3], attention(x[:, :3]))


# ---- names ----


def test_every_word_has_a_row_and_a_place() -> None:
    rows = [place.row for place in VOCABULARY.values()]
    assert rows == list(range(len(rows))) and len(rows) <= KNOWN
    assert all(place.limb in LIMBS and 0 <= place.along <= 1 for place in VOCABULARY.values())
    for (side, part), place in VOCABULARY.items():
        if side == "left":
            other = VOCABULARY["right", part]
            assert other.along == place.along
            assert other.limb == place.limb.replace("left", "right")


@pytest.mark.parametrize("skeleton", CASES)
def test_joints_of_a_layout_have_different_rows(skeleton: Skeleton) -> None:
    rows = [place.row for place in body_places(skeleton)]
    assert len(set(rows)) == skeleton.joints and max(rows) < KNOWN + SPARE


def test_one_joint_has_one_place_whatever_it_is_called() -> None:
    by_layout = [
        dict(zip(skeleton.names, body_places(skeleton), strict=True))
        for skeleton in (KINECT20, COCO17, NTU25)
    ]
    assert by_layout[0]["WristLeft"] == by_layout[1]["left_wrist"] == by_layout[2]["WristLeft"]
    assert by_layout[0]["HipCenter"] == by_layout[2]["SpineBase"]
    assert by_layout[0]["AnkleLeft"] != by_layout[0]["AnkleRight"]


def test_names_that_say_nothing() -> None:
    odd = replace(KINECT20, names=(*KINECT20.names[:6], "gadget", *KINECT20.names[7:]))
    place, elbow = body_places(odd)[6], body_places(odd)[5]
    assert place[:2] in (elbow[:2], body_places(odd)[7][:2]) and place.row >= KNOWN
    numbers = replace(KINECT20, names=tuple(map(str, range(20))))
    places = body_places(numbers)
    assert len({place.row for place in places}) == 20 and min(p.row for p in places) >= KNOWN
    assert len({place[:2] for place in places}) > 10
    encoder = made(numbers)
    assert encoder(clips()).std() > 0
    fewer, kept = without(numbers, ["7", "19"])
    assert [body_places(fewer)[new] for new in range(18)] == [places[old] for old in kept]


def test_wrong_stream_is_a_plain_error() -> None:
    with pytest.raises(InputError):
        made(stream="joints")
