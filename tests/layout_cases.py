"""Layouts as the cases of tests that build a network or a picture of each: most of them are slow.

A layout is a number of joints and a tree for such code; those of 15 to 33 joints in use for long
stand for all.
"""

from __future__ import annotations

import pytest

from skelf.layouts import LAYOUTS

QUICK = ("ntu25", "kinect20", "sbu15", "coco17", "h36m17", "openpose18", "openpose25", "halpe26",
         "mediapipe33")  # fmt: skip
CASES = [
    pytest.param(layout, id=name, marks=[] if name in QUICK else [pytest.mark.slow])
    for name, layout in LAYOUTS.items()
]
