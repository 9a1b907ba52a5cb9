"""Sharded sets: a folder of stores that is one ClipSet, of any size.

    SET/manifest.json        what it consists of; written last
    SET/columns/*.npy        the table, mapped
    SET/shard-00000.h5 ...   ordinary stores; they may lie elsewhere, too

Opening reads the manifest alone. A clip never crosses a shard, so that it is a view of a map.
"""

from __future__ import annotations

from .assemble import assemble
from .cut import CLIPS, cut, linked, refuse_inside
from .joints import Joints
from .manifest import FILE, is_sharded
from .opened import add_splits, save_table, verify

__all__ = [
    "CLIPS", "FILE", "Joints", "add_splits", "assemble", "cut", "is_sharded", "linked",
    "refuse_inside", "save_table", "verify",
]  # fmt: skip
