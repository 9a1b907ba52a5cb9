"""Signs of pose estimators' JSON: by the names of fields in the first part of a file."""

from __future__ import annotations

import re

from .look import Look

_IMAGE = re.compile(r'\s*\{\s*"[^"]+\.\w{3,4}"\s*:')
COCO = frozenset({"images", "annotations"})


def alphapose(look: Look) -> str:
    """Of AlphaPose, in its three forms; COCO's own results have the first."""
    if {"image_id", "keypoints"} <= look.keys and not _is_coco(look):
        return "it lists poses with image_id and keypoints, as AlphaPose's results"
    if {"bodies", "joints"} <= look.keys and not look.keys & COCO:
        return "it has bodies with joints, as AlphaPose's form cmu"
    if {"keypoints", "idx"} <= look.keys and _IMAGE.match(look.text):
        return "it has images with lists of poses and idx, as PoseFlow's"
    if "people" in look.keys and _IMAGE.match(look.text):
        return "it has images with people, as AlphaPose's form open"
    return ""


def coco(look: Look) -> str:
    """Of COCO: lists of images and annotations, which may stand behind one another."""
    return "it has images and annotations, as COCO's" if _is_coco(look) else ""


def kinetics(look: Look) -> str:
    """Of Kinetics-skeleton: frames with skeletons below data."""
    if "data" in look.keys and look.keys & {"skeleton", "label_index"} and not _is_coco(look):
        return "it has data with skeletons, as Kinetics-skeleton's"
    return ""


def _is_coco(look: Look) -> bool:
    if look.keys >= COCO or "categories" in look.keys:
        return True
    # A table of images may be longer than what was looked at.
    return bool(look.keys & COCO) and look.outermost >= COCO
