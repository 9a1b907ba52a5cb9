#!/usr/bin/env bash
# ezc3d writes all frames of a recording of more than 65,535, and reads 65,535 of them back, without
# a word: its own file, its own reader. Header and POINT:FRAMES end at 65,535, and it writes none of
# the places that say more (TRIAL:ACTUAL_END_FIELD, POINT:LONG_FRAMES, POINT:FRAMES as a float). The
# lost frames are in the file; only its size tells.
#
# Seen on 2026-11-30 with Python 3.11, numpy 2.4.6, ezc3d 1.7.2:
#   written: 70000 frames
#   header 65535, POINT:FRAMES [65535], TRIAL or LONG_FRAMES: no
#   the file holds: 70000 frames
#   read back: 65535 frames, warnings: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/program.py" <<'PROGRAM'
import struct
import sys
import warnings
from pathlib import Path

import ezc3d
import numpy as np

FRAMES, POINTS = 70_000, 2
made = ezc3d.c3d()
made["parameters"]["POINT"]["RATE"]["value"] = [120]
made["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
made["parameters"]["POINT"]["LABELS"]["value"] = ["hip", "knee"]
made["data"]["points"] = np.ones((4, POINTS, FRAMES))
made.write(sys.argv[1])
print(f"written: {FRAMES} frames")

raw = Path(sys.argv[1]).read_bytes()
last, block = struct.unpack_from("<H", raw, 8)[0], struct.unpack_from("<H", raw, 16)[0]
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    again = ezc3d.c3d(sys.argv[1])
stated = again["parameters"]["POINT"]["FRAMES"]["value"]
more = "TRIAL" in again["parameters"] or "LONG_FRAMES" in again["parameters"]["POINT"]
print(f"header {last}, POINT:FRAMES {list(map(int, stated))}, "
      f"TRIAL or LONG_FRAMES: {'yes' if more else 'no'}")
rows = np.frombuffer(raw[(block - 1) * 512 :], "<f4").reshape(-1, 4 * POINTS)
print(f"the file holds: {np.flatnonzero(rows.any(1)).max() + 1} frames")
print(f"read back: {again['data']['points'].shape[2]} frames, warnings: {len(told)}")
PROGRAM
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 ezc3d==1.7.2 2> /dev/null
seen=$("$folder/venv/bin/python" "$folder/program.py" "$folder/long.c3d")
printf '%s\n' "$seen"
expected='written: 70000 frames
header 65535, POINT:FRAMES [65535], TRIAL or LONG_FRAMES: no
the file holds: 70000 frames
read back: 65535 frames, warnings: 0'
[ "$seen" = "$expected" ] || { echo "changed: expected"; printf '%s\n' "$expected"; exit 1; }
