"""What one GPU makes of skelf, in one command of less than ten minutes.

    python -m benchmarks.device [METHOD ...] [--out DIR]

For each method at the paper's size, with and without torch.compile: speed of a training step, where
its time goes, its share of the matrix product's peak measured in the same run, memory, how long it
waits for data, hours of the paper's recipe on NTU-60 and what limits it. Beside them features and
search. Everything runs in processes of its own with a time limit, so that what fails becomes a row,
and `device.json` and `device.md` are written after each.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from skelf.machine.devices import choose_device
from skelf.methods import METHODS

from . import machine
from .__main__ import _table
from .device_work import PARTS

USUAL = ("usdrl", "aimclr", "pcm3")
NTU60 = 40_091  # training clips of xsub
HIGH, WAITS, SLOW_VIEWS, LAUNCHES = 0.4, 0.03, 0.15, 0.9  # shares from which `limit` speaks
COLUMNS = (
    "method", "compiled", "batch", "s/step", "clips/s", "TFLOP/step", "share of peak",
    "peak memory GiB", "wait share", "streamed wait share", "first step s", "hours of NTU-60",
)  # fmt: skip
KILLED = "it was killed, which a lack of memory can do"
ASIDE = 60  # seconds that peaks, and search, may take


def run(methods: list[str], out: Path, given: dict[str, Any], compiled: list[bool]) -> str:
    """Measures, and writes both files after each stage.

    Args:
        methods: names.
        out: folder to write.
        given: device, precision, batch, steps, tiny, clips, and the seconds of a method.
        compiled: ways of each method.
    """
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"about": machine.describe() | {"settings": given}, "rows": []}
    found["peaks"] = ask({"work": "peaks", **given}, ASIDE)
    write(found, out)
    for method in methods:
        until = time.perf_counter() + given["seconds"]
        for compile_ in compiled:
            seconds = until - time.perf_counter()
            if compile_ != compiled[-1]:  # to compile takes longer than all steps together
                seconds /= 3
            order = given | {"method": method, "compile": compile_, "seconds": seconds}
            row = {"method": method, "compiled": compile_}
            row |= ask({"work": "method", **order}, seconds)
            found["rows"].append(derived(row, found["peaks"], given["precision"]))
            write(found, out)
            print(f"{method}, compiled {compile_}: {found['rows'][-1]['limit']}", file=sys.stderr)
    found["search"] = ask({"work": "search", **given}, ASIDE)
    return write(found, out)


def ask(order: dict[str, Any], limit: float) -> dict[str, Any]:
    """What a process answers within `limit` seconds; "error" says why it is not all."""
    root = str(Path(__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, *sys.path])}
    command, error = [sys.executable, "-m", "benchmarks.device_work"], ""
    with tempfile.TemporaryFile("w+") as answers, tempfile.TemporaryFile("w+") as words:
        try:
            done = subprocess.run(
                command, input=json.dumps(order), stdout=answers, stderr=words, text=True,
                env=environment, timeout=limit,
            )  # fmt: skip
            if done.returncode:
                words.seek(0)
                said = [line.strip() for line in words if line.strip()]
                error = said[-1][:300] if said and done.returncode > 0 else KILLED
        except subprocess.TimeoutExpired:
            error = f"stopped after {limit:.0f} s"
        answers.seek(0)
        found: dict[str, Any] = {}
        for line in answers:
            if line.endswith("\n"):  # the last one may have been cut
                found |= json.loads(line)
    return found | ({"error": error} if error else {})


def derived(row: dict[str, Any], peaks: dict[str, Any], precision: str) -> dict[str, Any]:
    """The row with what follows from it: shares, hours, what limits it."""
    if "s/step" in row:
        peak, seconds = peaks.get(precision), row["s/step"]
        row["TFLOP/step"] = row["flops"] / 1e12
        row["share of peak"] = row["flops"] / seconds / peak if peak else math.nan
        row["hours of NTU-60"] = row["epochs"] * math.ceil(NTU60 / row["batch"]) * seconds / 3600
        if row.get("peak memory") is not None:
            row["peak memory GiB"] = row["peak memory"] / 2**30
    row["limit"] = limited(row, cuda=bool(peaks.get("cuda")))
    return row


def limited(row: dict[str, Any], cuda: bool) -> str:
    """What a row's step is limited by, in a sentence."""
    if "s/step" not in row:
        return f"not measured: {row.get('error', 'no answer')}"
    share, wait = row["share of peak"], row["wait share"]
    said = []
    if wait > WAITS:
        said.append(f"data: it waits for batches {wait:.0%} of the time")
    if (views := row["views s"] / row["s/step"]) > SLOW_VIEWS:
        said.append(f"views: they take {views:.0%} of the time")
    if share >= HIGH:
        said.append(f"compute: {share:.0%} of the measured peak")
    elif cuda and row["host share"] >= LAUNCHES:
        said.append(
            f"launches: the host needs {row['host share']:.0%} of forward and backward to queue "
            f"them, at {share:.0%} of the peak"
        )
    else:
        host = f", with the host ahead ({row['host share']:.0%})" if cuda else ""
        said.append(f"memory traffic and small kernels: {share:.1%} of the peak{host}")
    if "compile failed" in row:
        said.append(f"not compiled: {row['compile failed']}")
    if "error" in row:
        said.append(f"not complete: {row['error']}")
    return "; ".join(said)


def markdown(found: dict[str, Any]) -> str:
    """The page: device, peaks, a row for each way, where the time goes, features, search."""
    peaks = found["peaks"]
    rows = [row | {"compiled": "yes" if row["compiled"] else "no"} for row in found["rows"]]
    lines = ["# Device", ""]
    lines += [f"- {key}: {value}" for key, value in found["about"].items()]
    lines += [f"- {key}: {peaks[key]}" for key in ("name", "cuda", "error") if peaks.get(key)]
    measured = {f"{key} TFLOP/s": peaks[key] / 1e12 for key in ("bf16", "tf32", "fp32")
                if key in peaks}  # fmt: skip
    measured |= {"copy GB/s": peaks["copy"] / 1e9} if "copy" in peaks else {}
    lines += ["", "Measured peaks.", "", *_table(list(measured), [measured])]
    lines += ["", "A training step; `wait share` with the set on the device.", ""]
    lines += _table(list(COLUMNS), rows)
    lines += ["", "Seconds of its parts on the device, medians; `host share`: what of forward and "]
    lines[-1] += "backward the host needs to queue them."
    names = ["method", "compiled", *(f"{part} s" for part in PARTS), "host share"]
    lines += ["", *_table(names, rows), "", "What limits it:", ""]
    for row in rows:
        lines.append(f"- {row['method']}, compiled {row['compiled']}: {row['limit']}")
    encoders = [row for row in rows if "features clips/s" in row]
    if encoders:
        lines += ["", "Features, float32.", ""]
        lines += _table(["encoder", "features clips/s"], encoders)
    if found.get("search"):
        lines += ["", "Search.", "", *_table(list(found["search"]), [found["search"]])]
    return "\n".join(lines) + "\n"


def write(found: dict[str, Any], out: Path) -> str:
    page = markdown(found)
    (out / "device.json").write_text(json.dumps(found, indent=1))
    (out / "device.md").write_text(page)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.device", description=__doc__)
    parser.add_argument("methods", nargs="*", metavar="METHOD", help=f"of {', '.join(METHODS)}")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--batch", type=int, help="clips a step (the paper's; 4 on a CPU)")
    parser.add_argument("--precision", choices=("bf16", "fp32"), help="bf16; on a CPU fp32")
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction,
        help="also with torch.compile (on CUDA yes, on a CPU no)",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, help="timed steps (20; 3 on a CPU)")
    parser.add_argument(
        "--seconds", type=float, default=150, help="limit of a method, all its ways together"
    )
    parser.add_argument("--tiny", action="store_true", help="small models, to try it")
    parser.add_argument("--out", type=Path, default=Path("benchmarks-out"), help="folder to write")
    told = parser.parse_args()
    if unknown := set(told.methods) - set(METHODS):
        parser.error(f"unknown {sorted(unknown)}; known: {', '.join(METHODS)}")
    device = choose_device(told.device, "--device")
    cuda = device == "cuda"
    given = {
        "device": device,
        "precision": told.precision or ("bf16" if cuda else "fp32"),
        "batch": told.batch or (8 if told.tiny else None if cuda else 4),
        "steps": told.steps or (2 if told.tiny else 20 if cuda else 3),
        "clips": 40 if told.tiny else 2000 if cuda else 200,
        "seconds": told.seconds,
        "tiny": told.tiny,
    }
    compiled = [False, True] if (cuda if told.compile is None else told.compile) else [False]
    print(run(told.methods or list(USUAL), told.out, given, compiled))


if __name__ == "__main__":
    main()
