"""Signs of formats that have several forms, each with its own module."""

from __future__ import annotations

from . import azure_csv, azure_json, mmpose_json, vitpose_json, yolo_results, yolo_text
from .look import Look


def yolo(look: Look) -> str:
    """Of YOLO's pose models: label files, or results as JSON."""
    return yolo_text.told(look) or yolo_results.told(look)


def mmpose(look: Look) -> str:
    """Of MMPose and MMSkeleton, and easy_ViTPose's JSON."""
    return mmpose_json.told(look) or vitpose_json.told(look)


def azure(look: Look) -> str:
    """Of Azure Kinect, as JSON or CSV."""
    return azure_json.told(look) or azure_csv.told(look)
