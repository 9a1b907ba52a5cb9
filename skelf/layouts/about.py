"""Who writes which layout, in a few words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

ABOUT = {
    "ntu25": "Kinect 2, NTU RGB+D, PKU-MMD",
    "kinect20": "Kinect 1, NW-UCLA, MSR",
    "sbu15": "OpenNI, SBU Kinect Interaction",
    "azure32": "Azure Kinect, Femto",
    "coco17": "COCO: YOLO pose, MMPose, AlphaPose",
    "h36m17": "Human3.6M: VideoPose3D, MotionBERT",
    "mpii16": "MPII Human Pose",
    "wholebody133": "COCO-WholeBody: MMPose, RTMPose, DWPose",
    "openpose18": "OpenPose COCO, kinetics-skeleton",
    "openpose25": "OpenPose BODY_25, its default",
    "body_25b": "OpenPose BODY_25B",
    "mpi15": "OpenPose MPI",
    "halpe26": "Halpe: AlphaPose, RTMPose with feet",
    "halpe136": "Halpe-FullBody: AlphaPose",
    "mediapipe33": "MediaPipe Pose",
    "smpl22": "SMPL-H and AMASS without hands",
    "smpl24": "SMPL",
    "smplx": "SMPL-X",
    "humanml3d22": "HumanML3D, as smpl22",
    "xsens23": "Xsens MVN",
    "motive21": "OptiTrack Motive, bones",
    "motive37": "OptiTrack Motive 2, baseline markers",
    "motive41": "OptiTrack Motive 3, baseline markers",
    "plug_in_gait": "Vicon Plug-in Gait, markers",
}


def listed(names: Sequence[str]) -> str:
    """Names in one line, those that count on together as "thumb1 to thumb4".

    Examples:
        >>> listed(["nose", "face-0", "face-1", "face-2", "thumb1", "thumb2"])
        'nose, face-0 to face-2, thumb1, thumb2'
    """
    words: list[str] = []
    counted = [re.fullmatch(r"(.*?)(\d+)", name) for name in names]
    key = [(match[1], int(match[2]) - at) if match else at for at, match in enumerate(counted)]
    for _, run in groupby(range(len(names)), key=key.__getitem__):
        row = [names[at] for at in run]
        words += [f"{row[0]} to {row[-1]}"] if len(row) > 2 else row
    return ", ".join(words)
