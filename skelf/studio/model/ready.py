"""The encoder that a project has before anybody trains one: random, but on the project's scale.

A TCN's random features of pose and motion already tell many motions apart (docs/partwhole.md), once
its input norm knows how far the project's own joints move.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ...augment.basic import resize
from ...checkpoints import folder as checkpoint
from ...contracts import Encoder
from ...data.batch import ClipBatches
from ...data.clips import ClipSet
from ...data.normalize_default import GENERAL
from ...data.normalize_names import check
from ...data.quality.stature import stature
from ...encoders import ENCODERS
from ...encoders.tcn import TCN
from ...errors import InputError
from ...machine.guest import no_trace
from ...machine.guest import seed as seed_torch
from ...methods import METHODS
from ...opening import prepared, versions
from ...protocols.windows import as_clips, lay
from ...runs.build import build_encoder, input_of
from ...settings.run import resolve

METHOD, DIM, FRAMES = "partwhole", 128, 32
NORMALIZE = "root+facing-frames"
"""Where a body is and whither it faces says nothing of what it does; a frame by itself knows both,
so that a recording may be cut anywhere."""
WINDOW = 64 / 30
"""Seconds that the encoder sees at once."""
MOST = 512
"""Windows that the norm's statistics are of."""


@no_trace()
def ready(clips: ClipSet, out: Path, seed: int = 0) -> Path:
    """Writes the ready encoder for recordings like these, as a checkpoint that any command takes.

    Args:
        clips: some recordings of the project, without a normalisation.
        out: the folder.
        seed: of the weights.

    Raises:
        InputError: nobody is in the recordings.
        OSError: the folder cannot be written.
    """
    clips = windows(prepared(clips, normalization(clips)))
    settings = resolve(
        METHOD, methods=METHODS, encoders=ENCODERS,
        overrides=(f"encoder.dim={DIM}", f"encoder.frames={FRAMES}"),
    )  # fmt: skip
    settings = replace(settings, data={**settings.data, "normalize": clips.normalize})
    bodies = stature(clips)
    config = settings.to_dict() | {
        "input": input_of(settings, clips, "joint"),
        "source": {
            "data": "untrained: its input norm alone knows the recordings", "seed": seed,
            "fps": [float(clips.fps.min()), float(clips.fps.max())],
            "unit": clips.attributes.get("unit"), "up": bodies.up, "size": bodies.size,
        },
        "versions": versions(),
    }  # fmt: skip
    seed_torch(seed, "cpu")
    encoder = build_encoder(settings, config["input"], "config")
    calibrate(encoder, clips)
    state = encoder.state_dict()
    tensors = {f"encoder.{name}": value for name, value in state.items()}
    card = "# An untrained TCN whose input norm knows the scale of some recordings\n"
    return checkpoint.save(out, tensors=tensors, config=config, card=card)


def calibrate(encoder: Encoder, clips: ClipSet) -> None:
    """Sets the statistics of the input norm to those of clips, in place.

    Args:
        encoder: a `tcn`.
        clips: with the normalisation that it will have.
    """
    assert isinstance(encoder, TCN)
    some = np.unique(np.linspace(0, len(clips) - 1, MOST).astype(np.int64))
    x, lengths = ClipBatches(clips, persons=encoder.persons)(some)
    norm, momentum = encoder.norm, encoder.norm.momentum
    encoder.train()
    norm.momentum = 1.0
    with torch.no_grad():
        encoder(resize(x, lengths, encoder.num_frames))
    norm.momentum = momentum
    encoder.eval()


def windows(recordings: ClipSet) -> ClipSet:
    """Recordings as clips of 2.1 seconds that overlap by half: what an encoder is trained on."""
    size = np.maximum(1, np.rint(WINDOW * recordings.fps)).astype(np.int64)
    laid = lay(recordings.length, "overlap", size, np.maximum(1, size // 2))
    return as_clips(recordings, laid)


def normalization(clips: ClipSet) -> str:
    """`NORMALIZE` where the layout has the joints for it, else the usual one."""
    try:
        check(NORMALIZE, clips.skeleton, clips.coordinates)
    except InputError:
        return GENERAL[clips.coordinates]
    return NORMALIZE
