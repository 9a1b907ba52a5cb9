"""The steps of which normalisations are made; each takes a batch of padded clips and returns one.

A joint with all coordinates zero is missing, or its person absent: it takes part in nothing and
stays zero. Which joints those are is found once, before the first step, so that a joint which a
step moves to the origin is still one that was seen.

Steps take one coordinate at a time: its joints lie together in memory.

Sources: 2s-AGCN's preparation, as most later work has it (sources D1); AimCLR's (sources D2). Both
test for absence by a sum of coordinates, which differs only where numbers cancel exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..augment.basic import crop_resize, keep_rest, map_joints
from ..skeleton import Skeleton
from .joints.body_axes import shoulders, spine


class Batch(NamedTuple):
    """Padded clips on the way through the steps.

    Args:
        x: `(N, C, T, V, M)`, zero beyond each clip's length.
        lengths: true lengths `(N,)`.
        seen: `(N, 1, T, V, M)`, joints that are there.
        skeleton: the joint layout.
        coordinates: channels that are coordinates, the first ones.
    """

    x: Tensor
    lengths: Tensor
    seen: Tensor
    skeleton: Skeleton
    coordinates: int

    @property
    def person(self) -> Tensor:
        """`(N, T, M)`: persons of whom any joint is there."""
        return self.seen[:, 0].any(dim=2)

    @property
    def inside(self) -> Tensor:
        """`(N, T)`: frames before the clip's end."""
        return torch.arange(self.x.shape[2], device=self.x.device) < self.lengths[:, None]


def present(x: Tensor) -> Tensor:
    """Joints of `(N, D, T, V, M)` that have a coordinate other than 0: `(N, 1, T, V, M)`."""
    seen = x[:, 0] != 0
    for channel in x.unbind(dim=1)[1:]:
        seen |= channel != 0
    return seen[:, None]


def none(batch: Batch) -> Batch:
    """Leaves the joints as the source wrote them."""
    return batch


def centre(batch: Batch) -> Batch:
    """Subtracts one point a clip: the centre joint of the first frame in which person 0 is present.

    Where the body is then starts at the origin and its later path, and the place of a second
    person, are kept. Where the centre joint itself is zero in that frame, nothing moves: later
    frames are not searched.
    """
    joint = batch.x[:, : batch.coordinates, :, batch.skeleton.centre, 0]  # (N, D, T)
    return _subtract(batch, _at(joint, _first(batch))[..., None, None, None])


def centre_frames(batch: Batch) -> Batch:
    """Subtracts in each frame the centre joint of person 0, from all persons (AGCN).

    The path of person 0 is lost, the place of the others beside it is kept. Where person 0 is
    absent the others stay where they are.
    """
    return _subtract(batch, batch.x[:, : batch.coordinates, :, batch.skeleton.centre, None, :1])


def root(batch: Batch) -> Batch:
    """Subtracts in each frame from each person its own root joint (AimCLR): only poses are left."""
    at = batch.skeleton.root
    return _subtract(batch, batch.x[:, : batch.coordinates, :, at : at + 1])


def scale(batch: Batch) -> Batch:
    """Divides each clip by half the longer side of the box around all joints that are there.

    After `centre` coordinates then lie about -1 to 1, whatever their unit: pixels, above all.
    """
    outside, sides = ~batch.seen[:, 0], []
    for channel in batch.x.unbind(dim=1)[: batch.coordinates]:
        high = channel.masked_fill(outside, -torch.inf).amax(dim=(1, 2, 3))
        sides.append(high - channel.masked_fill(outside, torch.inf).amin(dim=(1, 2, 3)))
    half = torch.stack(sides).amax(dim=0) / 2  # (N,)
    half = torch.where(half.isfinite() & (half > 0), half, 1.0)  # nobody there, or one point
    if torch.compiler.is_exporting():
        return _moved(batch, batch.x[:, : batch.coordinates] / half[:, None, None, None, None])
    scaled = batch.x.clone()
    scaled[:, : batch.coordinates] /= half[:, None, None, None, None]
    return batch._replace(x=scaled)


def fill(batch: Batch) -> Batch:
    """Leaves no empty frames at a person's start and end (AGCN), each person for itself.

    Where the first frame is empty, all frames with the person move to the front, and persons are
    then no longer in time with each other; where from some frame on all is empty, what comes before
    is repeated to the clip's end. Gaps in the middle stay, and so do persons who never appear.
    """
    present = batch.person  # (N, T, M)
    T = present.shape[1]
    time = torch.arange(T, device=batch.x.device)[:, None]  # (T, 1)
    late = ~present[:, :1] & present.any(dim=1, keepdim=True)  # (N, 1, M)
    order = torch.where(late, _present_first(present), time)
    end = torch.where(present, time + 1, 0).amax(dim=1, keepdim=True)
    end = torch.where(late, present.sum(dim=1, keepdim=True), end)  # (N, 1, M)
    source = order.gather(1, time % end.clamp_min(1))

    def moved(values: Tensor) -> Tensor:
        at = source[:, None, :, None].expand_as(values)
        return values.gather(2, at) * batch.inside[:, None, :, None, None]

    return batch._replace(x=moved(batch.x), seen=moved(batch.seen))


def upright(batch: Batch) -> Batch:
    """Turns each clip so that the spine of person 0 points along z at first (AGCN's z step).

    First is the first frame in which person 0 is present; one rotation turns all persons and frames
    about the origin.
    """
    return _turn_onto(batch, spine(batch.skeleton, "upright"), axis=2)


def facing(batch: Batch) -> Batch:
    """Turns each clip so that person 0's shoulders lie along x at first (AGCN's x step).

    See `upright`; after it the spine no longer points exactly along z.
    """
    return _turn_onto(batch, shoulders(batch.skeleton, "facing"), axis=0)


def facing_frames(batch: Batch) -> Batch:
    """Turns each person about y in each frame, so that its shoulders lie along x (AimCLR).

    The angle of a frame is known up to its sign, which is one for the whole clip: that of the sum
    of the shoulders' z over all frames. A frame on the other side turns the wrong way (released).
    """
    left, right = (ends[0] for ends in shoulders(batch.skeleton, "facing-frames"))
    x, z = (batch.x[:, c, :, right] - batch.x[:, c, :, left] for c in (0, 2))  # (N, T, M)
    # Other runtimes have no hypot; it differs where squares overflow.
    far = (x * x + z * z).sqrt() if torch.compiler.is_exporting() else torch.hypot(x, z)
    angle = torch.arccos(x / (far + 1e-4))
    angle = torch.where(z.sum(dim=1, keepdim=True) >= 0, -angle, angle)[:, :, None]  # (N, T, 1, M)
    cos, sin = angle.cos(), angle.sin()
    old_x, old_y, old_z = batch.x[:, :3].unbind(dim=1)
    new_x, new_z = cos * old_x - sin * old_z, sin * old_x + cos * old_z
    if torch.compiler.is_exporting():
        return _moved(batch, torch.stack([new_x, old_y, new_z], dim=1))
    turned = batch.x.clone()
    turned[:, 0], turned[:, 2] = new_x, new_z
    return batch._replace(x=turned)


def trim(batch: Batch) -> Batch:
    """Keeps as many first frames as there are frames with person 0 (AimCLR).

    A gap in the middle thus cuts the end off, by its own length (released, which counts the first
    joint). differs: a clip without person 0, on which the released code fails, stays whole.
    """
    count = batch.person[:, :, 0].sum(dim=1)
    short = batch._replace(lengths=torch.where(count > 0, count, batch.lengths))
    inside = short.inside[:, None, :, None, None]
    return short._replace(x=batch.x * inside, seen=batch.seen & inside)


def resize50(batch: Batch) -> Batch:
    """Resizes each clip to 50 frames (AimCLR), as `augment.basic.crop_resize` does."""
    start = torch.zeros_like(batch.lengths)
    x = crop_resize(batch.x, start, batch.lengths, 50)
    seen = crop_resize(batch.seen.to(x.dtype), start, batch.lengths, 50) > 0
    return batch._replace(x=x, lengths=torch.full_like(batch.lengths, 50), seen=seen)


def _subtract(batch: Batch, origin: Tensor) -> Batch:
    """Subtracts `origin`, which broadcasts to `(N, D, T, V, M)`, from the joints that are there."""
    if torch.compiler.is_exporting():
        return _moved(batch, (batch.x[:, : batch.coordinates] - origin) * batch.seen)
    moved = batch.x.clone()
    for channel in range(batch.coordinates):
        moved[:, channel].sub_(origin[:, channel]).mul_(batch.seen[:, 0])
    return batch._replace(x=moved)


def _present_first(present: Tensor) -> Tensor:
    """Indices that put the frames with a person `(N, T, M)` before those without, else in order."""
    if torch.compiler.is_exporting():  # other runtimes have no stable sort: keys that differ
        T = present.shape[1]
        first, later = torch.arange(T)[:, None], torch.arange(T, 2 * T)[:, None]
        return torch.where(present, first, later).argsort(dim=1)
    return (~present).to(torch.uint8).argsort(dim=1, stable=True)


def _moved(batch: Batch, joints: Tensor) -> Batch:
    """With other coordinates `(N, D, T, V, M)`: in other runtimes writing into a part is slow."""
    return batch._replace(x=torch.cat([joints, batch.x[:, batch.coordinates :]], dim=1))


def _first(batch: Batch) -> Tensor:
    """The first frame in which person 0 is present, `(N,)`; 0 where it never is."""
    return batch.person[:, :, 0].float().argmax(dim=1)  # the first maximum


def _at(values: Tensor, frame: Tensor) -> Tensor:
    """`(N, D, T)` at the frames `(N,)`: `(N, D)`."""
    return values.gather(2, frame[:, None, None].expand(-1, values.shape[1], 1))[:, :, 0]


def _turn_onto(batch: Batch, ends: tuple[tuple[int, ...], tuple[int, ...]], axis: int) -> Batch:
    """Rotates so that the vector between two (middles of) joints points along an axis at first."""
    low, high = (batch.x[:, :3, :, list(joints), 0].mean(dim=3) for joints in ends)  # (N, 3, T)
    matrix = rotation_onto(_at(high - low, _first(batch)), axis)
    return batch._replace(x=map_joints(batch.x, keep_rest(matrix, batch.x.shape[1])))


def rotation_onto(vector: Tensor, axis: int) -> Tensor:
    """The least rotation of each vector `(N, 3)` onto a coordinate axis: matrices `(N, 3, 3)`.

    The identity where the vector is zero or lies along the axis, on either side (released).
    """
    target = torch.zeros_like(vector)
    target[:, axis] = 1.0
    cross = torch.linalg.cross(vector, target)
    cos = vector[:, axis] / vector.norm(dim=1).clamp_min(torch.finfo(vector.dtype).tiny)
    angle = torch.arccos(cos.clamp(-1, 1))
    still = (cross.abs().sum(dim=1) < 1e-6) | (angle < 1e-6)
    unit = cross / cross.norm(dim=1, keepdim=True).clamp_min(torch.finfo(vector.dtype).tiny)
    x, y, z = unit.unbind(dim=1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(-1, 3, 3)
    eye = torch.eye(3, dtype=vector.dtype, device=vector.device)
    sin, turn = angle.sin()[:, None, None], (1 - angle.cos())[:, None, None]
    matrix = eye + sin * skew + turn * (skew @ skew)  # Rodrigues
    return torch.where(still[:, None, None], eye, matrix)
