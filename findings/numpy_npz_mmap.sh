#!/usr/bin/env bash
# np.load(path, mmap_mode="r") maps an .npy; of an .npz it takes the word and maps nothing, without a
# warning: every look at a field reads the whole field again. Feeders that pass the word for sets of
# 10 GB (CTR-GCN's form) load all of it, and one that asks for a row at a time reads it for each row.
#
# Seen on 2026-11-30 with Python 3.11, numpy 2.4.6:
#   npy: memmap
#   npz: ndarray, 2 looks are 2 arrays, warnings: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/program.py" <<'PROGRAM'
import sys
import warnings

import numpy as np

folder = sys.argv[1]
values = np.zeros((100, 300, 150), np.float32)
np.save(f"{folder}/a.npy", values)
np.savez(f"{folder}/a.npz", x_train=values)  # stored as it is, so that it could be mapped
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print("npy:", type(np.load(f"{folder}/a.npy", mmap_mode="r")).__name__)
    file = np.load(f"{folder}/a.npz", mmap_mode="r")
    first, second = file["x_train"], file["x_train"]
looks = 1 + (not np.shares_memory(first, second))
print(f"npz: {type(first).__name__}, 2 looks are {looks} arrays, warnings: {len(caught)}")
PROGRAM
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet numpy==2.4.6 2> /dev/null
seen=$("$folder/venv/bin/python" "$folder/program.py" "$folder")
printf '%s\n' "$seen"
expected='npy: memmap
npz: ndarray, 2 looks are 2 arrays, warnings: 0'
[ "$seen" = "$expected" ] || { echo "changed: expected"; printf '%s\n' "$expected"; exit 1; }
