#!/usr/bin/env bash
# pose-format's `interpolate` is what changes a recording's frame rate (.pose files, sign language).
# A joint that nobody saw, confidence 0, comes back in its gap with the confidence of the frames
# around it, 1: afterwards nothing tells what was made up. And the new frames span the old ones from
# the first to the last whatever the rate, so that a motion is faster than it was: 10 frames at 30 a
# second, 0.300 s from first to last, are 5 at 15, 0.267 s, and what moved by one unit a frame has
# moved by 2.25 where it should by 2. On short clips of signs that is an eighth.
#
# Seen on 2026-12-01 with Python 3.11, numpy 2.4.6, scipy 1.17.1, pose-format 0.15.0:
#   before: 30 fps, knee's confidence 1 1 1 0 0 0 1 1 1 1
#   the same rate: knee's confidence 1 1 1 1 1 1 1 1 1 1, masked: 0
#   at 15 fps: hip 0 2.25 4.5 6.75 9, of a hip that moves by 1 in 1/30 s
#   from first to last: before 0.300 s, at 15 fps 0.267 s
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/program.py" <<'PROGRAM'
import numpy as np
import numpy.ma as ma
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

FRAMES = 10
body = PoseHeaderComponent("body", ["hip", "knee"], [(0, 1)], [(255, 0, 0)], point_format="XYZC")
header = PoseHeader(0.2, PoseHeaderDimensions(100, 100, 100), [body])
places = np.zeros((FRAMES, 1, 2, 3))
places[:, 0, 0, 0] = np.arange(FRAMES)
places[:, 0, 1, 0] = 10 * np.arange(FRAMES)
confidence = np.ones((FRAMES, 1, 2))
confidence[3:6, 0, 1] = 0
unseen = np.repeat(confidence[..., None] == 0, 3, axis=-1)
pose = Pose(header, NumPyPoseBody(30, ma.masked_array(places, unseen), confidence))


def shown(numbers) -> str:
    return " ".join(f"{round(float(number), 3):g}" for number in numbers)


print(f"before: {pose.body.fps} fps, knee's confidence {shown(pose.body.confidence[:, 0, 1])}")
same = pose.interpolate(30).body
masked = int(ma.getmaskarray(same.data).sum())
print(f"the same rate: knee's confidence {shown(same.confidence[:, 0, 1])}, masked: {masked}")
slow = pose.interpolate(15).body
print(f"at 15 fps: hip {shown(slow.data[:, 0, 0, 0])}, of a hip that moves by 1 in 1/30 s")
spans = [(len(each.data) - 1) / each.fps for each in (pose.body, slow)]
print("from first to last: before {:.3f} s, at 15 fps {:.3f} s".format(*spans))
PROGRAM
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 scipy==1.17.1 pose-format==0.15.0 2> /dev/null
seen=$("$folder/venv/bin/python" "$folder/program.py")
printf '%s\n' "$seen"
expected="before: 30 fps, knee's confidence 1 1 1 0 0 0 1 1 1 1
the same rate: knee's confidence 1 1 1 1 1 1 1 1 1 1, masked: 0
at 15 fps: hip 0 2.25 4.5 6.75 9, of a hip that moves by 1 in 1/30 s
from first to last: before 0.300 s, at 15 fps 0.267 s"
[ "$seen" = "$expected" ] || { echo "changed: expected"; printf '%s\n' "$expected"; exit 1; }
