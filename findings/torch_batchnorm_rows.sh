#!/usr/bin/env bash
# BatchNorm of torch 2.13 in float32 on a CPU is as exact as it should be where a channel lies in one piece
# (N, C, H, W), and loses digits with every row where channels lie innermost: channels_last, or plain (rows, C). It
# adds a channel's rows one after another in float32. The error grows with the rows: a thousandfold at a
# million, which is one batch of a graph network on skeletons (clips x persons x frames x joints).
#
# Seen on 2026-11-30 with Python 3.11, torch 2.13.0+cpu, one thread (largest error beside float64 of standardised numbers):
#   rows 4096: (N, C, H, W) 3.5e-07, channels_last 5.2e-06, (rows, C) 5.2e-06
#   rows 65536: (N, C, H, W) 4.4e-07, channels_last 3.4e-05, (rows, C) 3.4e-05
#   rows 1048576: (N, C, H, W) 5.1e-07, channels_last 1.2e-03, (rows, C) 1.2e-03
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/program.py" <<'PROGRAM'
import sys

import torch
from torch.nn.functional import batch_norm

torch.manual_seed(0)
torch.set_num_threads(1)


def error(x: torch.Tensor) -> float:
    exact = batch_norm(x.double(), None, None, training=True)
    return (batch_norm(x, None, None, training=True).double() - exact).abs().max().item()


as_seen = torch.__version__.startswith("2.13.0")
for rows, least in ((4096, 5), (65536, 30), (1048576, 500)):
    x = torch.randn(1, 16, rows, 1) + 1
    planes = error(x)
    last = error(x.contiguous(memory_format=torch.channels_last))
    flat = error(x[0, :, :, 0].T.contiguous())
    print(f"rows {rows}: (N, C, H, W) {planes:.1e}, channels_last {last:.1e}, (rows, C) {flat:.1e}")
    as_seen &= planes < 2e-6 and min(last, flat) > least * planes
sys.exit(0 if as_seen else "changed: see the head of this file")
PROGRAM
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet torch==2.13.0 numpy 2> /dev/null
"$folder/env/bin/python" "$folder/program.py"
