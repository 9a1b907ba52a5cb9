"""What an exported file says of itself, as the `metadata_props` of ONNX: text by name, JSON within.

`skelf-runtime` and the example page for browsers read it.
"""

from __future__ import annotations

import json

from .. import __version__
from .options import Export
from .subject import Subject

PREFIX = "skelf."
FORMAT = 1


def describe(subject: Subject, how: Export) -> dict[str, str]:
    """Name -> JSON of all that a program needs to feed the file and to read its answers.

    Args:
        subject: what is exported.
        how: which graph of it.
    """
    needs, encoder = subject.needs, subject.encoder
    of_frames = how.dense or subject.kind == "detector"
    said: dict[str, object] = {
        "format": FORMAT,
        "version": __version__,
        "kind": subject.kind,
        "rows": "step" if how.step else "frame" if of_frames else "clip",
        "class_names": subject.class_names,
        "joints": needs.skeleton.names,
        "parents": needs.skeleton.parents,
        "layout": needs.skeleton.name,
        "channels": needs.channels,
        "confidence": needs.confidence,
        "persons": needs.persons,
        "frames": encoder.num_frames,
        "stream": encoder.stream,
        "normalize": needs.normalize,
        "fps": needs.fps,
        "unit": needs.unit,
        "up": needs.up,
        "size": needs.size,
        "temperature": subject.temperature,
        **subject.more,
    }
    return {PREFIX + key: json.dumps(value) for key, value in said.items()}
