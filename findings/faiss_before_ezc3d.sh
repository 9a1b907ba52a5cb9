#!/usr/bin/env bash
# ezc3d cannot write a file in a process that has imported faiss before it: both are wrapped by SWIG
# and share its table of types, where faiss's vectors of numbers stand under the names that ezc3d
# asks for. It is a TypeError about arguments that are right; the other order of imports works.
#
# Seen on 2026-11-30 with Python 3.11, numpy 2.4.6, ezc3d 1.7.2, faiss-cpu 1.15.1:
#   ezc3d alone: written
#   ezc3d, then faiss: written
#   faiss, then ezc3d: TypeError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/program.py" <<'PROGRAM'
import sys
from importlib import import_module

for name in sys.argv[2:]:
    import_module(name)
import ezc3d
import numpy as np

file = ezc3d.c3d()
file["parameters"]["POINT"]["RATE"]["value"] = [100]
file["parameters"]["POINT"]["LABELS"]["value"] = ["hip", "knee"]
file["parameters"]["POINT"]["UNITS"]["value"] = ["m"]
file["data"]["points"] = np.zeros((4, 2, 5))
try:
    file.write(sys.argv[1])
except TypeError:
    print("TypeError")
else:
    print("written")
PROGRAM
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 ezc3d==1.7.2 faiss-cpu==1.15.1 2> /dev/null
run() { "$folder/venv/bin/python" "$folder/program.py" "$folder/out.c3d" "$@"; }
seen="ezc3d alone: $(run ezc3d)
ezc3d, then faiss: $(run ezc3d faiss)
faiss, then ezc3d: $(run faiss ezc3d)"
printf '%s\n' "$seen"
expected='ezc3d alone: written
ezc3d, then faiss: written
faiss, then ezc3d: TypeError'
[ "$seen" = "$expected" ] || { echo "changed: expected"; printf '%s\n' "$expected"; exit 1; }
