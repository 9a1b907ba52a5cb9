"""Results of another process, whose arrays lie in shared memory: a pipe would copy them five times.

The memory is cut into rooms, one for each chunk that is under way.
"""

from __future__ import annotations

import pickle
from multiprocessing.context import BaseContext
from typing import Any

ROOM = 1 << 21  # bytes that the arrays of a chunk share; what does not fit goes by pipe

Packed = tuple[bytes, list[tuple[int, int] | bytes]]
"""A pickle without its arrays' content, and of each where that lies, or itself."""


Shared = Any  # an array of ctypes, which has no type of its own


def rooms(context: BaseContext, count: int) -> Shared:
    """Memory that processes of `context` share when they are started with it."""
    return context.RawArray("B", count * ROOM)


def pack(results: object, shared: Shared, room: int) -> Packed:
    """Makes a room hold what the arrays of some results hold, as far as it fits."""
    memory = memoryview(shared).cast("B")
    buffers: list[pickle.PickleBuffer] = []
    text = pickle.dumps(results, protocol=5, buffer_callback=buffers.append)
    places: list[tuple[int, int] | bytes] = []
    at, end = room * ROOM, (room + 1) * ROOM
    for buffer in buffers:
        content = buffer.raw()
        if at + content.nbytes <= end:
            memory[at : at + content.nbytes] = content
            places.append((at, at + content.nbytes))
            at += content.nbytes
        else:
            places.append(bytes(content))
    return text, places


def unpack(packed: Packed, shared: Shared) -> Any:  # what was packed
    """The results, with content of their own: their room is free again."""
    memory = memoryview(shared).cast("B")
    text, places = packed
    return pickle.loads(
        text,
        buffers=(bytearray(memory[p[0] : p[1]] if isinstance(p, tuple) else p) for p in places),
    )
