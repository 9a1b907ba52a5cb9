#!/usr/bin/env bash
# torch's ONNX exporter (2.13, dynamo) says that it succeeded, and the file declares a free batch, although the
# example's batch was taken for the only one. An example of one row is enough for that: with others the file gives
# wrong numbers, without an error. With an example of two rows the same module comes out right.
# `torch.export.export` on the same module, with `strict=False` and the same dynamic shapes, refuses: it says which
# size became a constant. So: trace first, from two rows, convert then, and run the file on other batches.
#
# Seen on 2026-11-30 with Python 3.11, torch 2.13.0, onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0:
#   torch 2.13.0, onnxscript 0.7.2, onnxruntime 1.32.0
#   example of 1: declares 'batch', right for [1], wrong numbers for [2, 3]
#   example of 2: declares 'batch', right for [1, 2, 3], wrong numbers for []
#   torch.export alone, example of 2: refused, the batch became a constant
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/program.py" <<'PROGRAM'
import contextlib
import io
import sys
from importlib.metadata import version

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

onnxruntime.set_default_logger_severity(4)
folder = sys.argv[1]


class Numbered(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.arange(len(x))[:, None]


def taken(example: int) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        program = torch.onnx.export(
            Numbered(), (torch.ones(example, 3),), dynamo=True, dynamic_shapes=({0: "batch"},)
        )
    program.save(f"{folder}/model.onnx")  # no error until here
    session = onnxruntime.InferenceSession(f"{folder}/model.onnx")
    given = session.get_inputs()[0]
    right, wrong = [], []
    for batch in (1, 2, 3):
        x = np.ones((batch, 3), np.float32)
        found, expected = session.run(None, {given.name: x})[0], Numbered()(torch.from_numpy(x)).numpy()
        (right if np.array_equal(found, expected) else wrong).append(batch)
    return f"example of {example}: declares {given.shape[0]!r}, right for {right}, wrong numbers for {wrong}"


def traced() -> str:
    try:
        shapes = ({0: torch.export.Dim.DYNAMIC},)
        torch.export.export(Numbered(), (torch.ones(2, 3),), dynamic_shapes=shapes, strict=False)
    except Exception as error:
        constant = "specialized it to be a constant" in str(error)
        return f"refused, {'the batch became a constant' if constant else error}"
    return "taken"


print("torch {}, onnxscript {}, onnxruntime {}".format(
    torch.__version__.split("+")[0], version("onnxscript"), version("onnxruntime")))
print(taken(1))
print(taken(2))
print("torch.export alone, example of 2:", traced())
PROGRAM
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet \
  torch==2.13.0 numpy onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0 2> /dev/null
seen=$("$folder/env/bin/python" "$folder/program.py" "$folder" 2> /dev/null)
echo "$seen"
expected="torch 2.13.0, onnxscript 0.7.2, onnxruntime 1.32.0
example of 1: declares 'batch', right for [1], wrong numbers for [2, 3]
example of 2: declares 'batch', right for [1, 2, 3], wrong numbers for []
torch.export alone, example of 2: refused, the batch became a constant"
[ "$seen" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
