#!/usr/bin/env bash
# A gap in a TRC file is an empty cell. trc-data-reader splits rows at white space, so that all
# markers behind a gap move up: the ankle stands where the knee was not seen, without a word.
#
# Seen on 2026-11-30 with Python 3.11, trc-data-reader 0.4.1:
#   frame 1: hip 1, knee 2, ankle 3
#   frame 2: hip 1, knee 3, ankle nan
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{
    printf 'PathFileType\t4\t(X/Y/Z)\twalk.trc\n'
    printf 'DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\t'
    printf 'OrigDataRate\tOrigDataStartFrame\tOrigNumFrames\n'
    printf '60\t60\t2\t3\tmm\t60\t1\t2\n'
    printf 'Frame#\tTime\thip\t\t\tknee\t\t\tankle\t\t\n'
    printf '\t\tX1\tY1\tZ1\tX2\tY2\tZ2\tX3\tY3\tZ3\n\n'
    printf '1\t0.000\t1\t1\t1\t2\t2\t2\t3\t3\t3\n'
    printf '2\t0.017\t1\t1\t1\t\t\t\t3\t3\t3\n'
} > "$folder/walk.trc"
cat > "$folder/program.py" <<'PROGRAM'
import sys

from trc import TRCData

data = TRCData()
data.load(sys.argv[1])
for frame in (0, 1):
    places = ", ".join(f"{name} {data[name][frame][0]:g}" for name in ("hip", "knee", "ankle"))
    print(f"frame {frame + 1}: {places}")
PROGRAM
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet trc-data-reader==0.4.1 2> /dev/null
seen=$("$folder/venv/bin/python" "$folder/program.py" "$folder/walk.trc")
printf '%s\n' "$seen"
expected='frame 1: hip 1, knee 2, ankle 3
frame 2: hip 1, knee 3, ankle nan'
[ "$seen" = "$expected" ] || { echo "changed: expected"; printf '%s\n' "$expected"; exit 1; }
