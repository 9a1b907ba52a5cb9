"""How the cost of a training step grows: with clips, frames, joints and processes.

    python -m benchmarks.scaling --out benchmarks-out

At a small size, each point in a process of its own: seconds, memory and counted FLOPs of a step,
and their slopes on logarithmic axes (1: in proportion). Processes are those of `torchrun`, with one
thread each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from skelf.encoders import ENCODERS
from skelf.methods import METHODS
from skelf.profiling import step as profile_step
from skelf.profiling.count import count
from skelf.settings.run import Config, resolve
from skelf.skeleton import Skeleton

from . import machine

SMALL = {
    "usdrl": ("encoder.dim=128",),
    "aimclr": ("encoder.dim=128", "method.queue=2048"),
    "pcm3": ("encoder.dim=128", "method.queue=2048"),
}
USUAL = {"batch": 16, "frames": 32, "joints": 20}
AXES = {"batch": (8, 16, 32, 64), "frames": (16, 32, 64, 128), "joints": (10, 20, 40, 80)}
TINY = {"batch": (4, 8), "frames": (8, 16), "joints": (10, 15)}


def chain(joints: int) -> Skeleton:
    """Five limbs of equal length that meet in joint 0."""
    limbs = [tuple(range(1, joints))[i::5] for i in range(5)]
    parents = {joint: limb[at - 1] if at else 0 for limb in limbs for at, joint in enumerate(limb)}
    return Skeleton(
        names=tuple(f"joint{i}" for i in range(joints)),
        parents=(-1, *(parents[joint] for joint in range(1, joints))),
        pairs=(),
        parts={f"limb{i}": (*(() if i else (0,)), *limb) for i, limb in enumerate(limbs)},
        centre=0,
        name=f"chain{joints}",
    )


def order(method: str, point: dict[str, int], extra: tuple[str, ...] = ()) -> tuple[Config, Any]:
    """Settings and input of a run at a point of the axes."""
    overrides = [*SMALL[method], "train.precision=fp32", f"encoder.frames={point['frames']}"]
    settings = resolve(
        method, methods=METHODS, encoders=ENCODERS,
        overrides=[*overrides, f"train.batch_size={point['batch']}", *extra],
    )  # fmt: skip
    given = {"skeleton": chain(point["joints"]).to_dict(), "channels": 3, "persons": 1}
    return settings, given | {"stream": "joint"}


def grow(method: str, axis: str, values: tuple[int, ...], steps: int) -> list[dict[str, Any]]:
    """A row for each value of one axis, the others as usual."""
    rows = []
    for value in values:
        settings, given = order(method, USUAL | {axis: value})
        batch = settings.train.batch_size
        timing = profile_step.measure(
            settings, given, batch, steps, "cpu", lambda what, done, total: None
        )
        flops = count(settings, given)["step_flops"] * batch
        row = {"method": method, "axis": axis, "value": value, "seconds": timing.seconds}
        rows.append(row | {"memory": timing.memory, "flops": flops})
    return rows


def slopes(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Slopes of one axis on logarithmic scales: over all points, and between the last two."""
    at = np.log([row["value"] for row in rows])
    found = {}
    for key in ("seconds", "memory", "flops"):
        if all(row[key] for row in rows):
            y = np.log([row[key] for row in rows])
            found[key] = float(np.polyfit(at, y, 1)[0])
            found[f"{key}, last two"] = float((y[-1] - y[-2]) / (at[-1] - at[-2]))
    return found


def processes(method: str, batch: int, steps: int) -> list[dict[str, Any]]:
    """Seconds of a step by 1 and 2 processes: of one batch together, of a batch each."""
    alone = together(method, batch, 1, steps)
    rows = [{"method": method, "processes": 1, "batch": batch, "seconds": alone, "efficiency": 1.0}]
    for size, share in ((batch, 2), (2 * batch, 1)):
        seconds = together(method, size, 2, steps)
        row = {"method": method, "processes": 2, "batch": size, "seconds": seconds}
        rows.append(row | {"efficiency": alone / (share * seconds)})
    return rows


def together(method: str, batch: int, count: int, steps: int) -> float:
    """Seconds of a step by `count` processes with one thread each."""
    settings, given = order(method, USUAL | {"batch": batch}, ("train.devices=cpu",))
    told = json.dumps({"config": settings.to_dict() | {"input": given}, "steps": steps})
    root = str(Path(__file__).parents[1])
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([root, *sys.path])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc_per_node={count}", "-m", "benchmarks.scaling", "--worker", told]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise RuntimeError(f"{count} process(es): {done.stderr.strip()[-2000:]}")
    return float(json.loads(lines[-1])["seconds"])


def work(told: str) -> None:
    """One of the processes; the first prints what it measured."""
    from skelf.machine import memory

    memory.keep_freed()

    def tell(answer: dict[str, Any]) -> None:
        if "seconds" in answer and os.environ.get("RANK", "0") == "0":
            print(json.dumps(answer), flush=True)

    profile_step.train(json.loads(told), tell)


def markdown(found: dict[str, Any]) -> str:
    """Slopes, points, processes."""
    lines = ["# Scaling", "", *(f"- {name}: {value}" for name, value in found["about"].items())]
    lines += ["", "Slopes on logarithmic axes; in brackets between the last two points.", ""]
    lines += ["| method | grows | seconds | memory | FLOPs |", "|---|---|---|---|---|"]
    for one in found["slopes"]:
        cells = [
            f"{one[key]:.2f} ({one[f'{key}, last two']:.2f})" if key in one else ""
            for key in ("seconds", "memory", "flops")
        ]
        lines.append(f"| {one['method']} | {one['axis']} | {' | '.join(cells)} |")
    lines += ["", "| method | axis | value | seconds | MiB | GFLOP |", "|---|---|---|---|---|---|"]
    for row in found["points"]:
        memory = f"{row['memory'] / 2**20:.0f}" if row["memory"] else ""
        cells = [row["method"], row["axis"], str(row["value"]), f"{row['seconds']:.3g}", memory]
        lines.append(f"| {' | '.join(cells)} | {row['flops'] / 1e9:.3g} |")
    lines += ["", "| method | processes | batch | seconds | efficiency |", "|---|---|---|---|---|"]
    for row in found["processes"]:
        cells = [row["method"], row["processes"], row["batch"], f"{row['seconds']:.3g}"]
        lines.append(f"| {' | '.join(map(str, cells))} | {row['efficiency']:.2f} |")
    return "\n".join(lines) + "\n"


def run(
    methods: list[str], out: Path, steps: int = 5, axes: dict[str, tuple[int, ...]] | None = None
) -> str:
    """Measures, and writes `scaling.json` and `scaling.md` after each axis."""
    found: dict[str, Any] = {"about": machine.describe() | {"usual": USUAL}}
    found |= {"slopes": [], "points": [], "processes": []}
    out.mkdir(parents=True, exist_ok=True)
    page = ""
    for method in methods:
        for axis, values in (*(AXES if axes is None else axes).items(), ("processes", ())):
            if values:
                rows = grow(method, axis, values, steps)
                found["points"] += rows
                found["slopes"].append({"method": method, "axis": axis, **slopes(rows)})
            else:
                found["processes"] += processes(method, 2 * USUAL["batch"], steps)
            (out / "scaling.json").write_text(json.dumps(found, indent=1))
            page = markdown(found)
            (out / "scaling.md").write_text(page)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("methods", nargs="*", metavar="METHOD", help=f"of {', '.join(SMALL)}")
    parser.add_argument("--steps", type=int, default=5, help="timed steps of a point")
    parser.add_argument("--tiny", action="store_true", help="two small points an axis, to try it")
    parser.add_argument("--out", type=Path, default=Path("benchmarks-out"), help="folder to write")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(given.worker)
        return
    methods = given.methods or list(SMALL)
    if unknown := set(methods) - set(SMALL):
        parser.error(f"unknown {sorted(unknown)}; known: {', '.join(SMALL)}")
    print(run(methods, given.out, given.steps, TINY if given.tiny else None))


if __name__ == "__main__":
    main()
