"""What this machine can do: matrix products and copies, and its name."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from .timing import Step, interleaved


def peak(dtype: torch.dtype, size: int = 2048, repeats: int = 5) -> dict[str, float]:
    """FLOP/s of a square matrix product on the current threads: by wall and by processor time.

    A float32 product by the better of torch's own library and oneDNN, which convolutions use: on
    some processors they differ twofold.
    """
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    ways: dict[str, Step] = {"matmul": lambda lap: (a @ b, lap("matmul"))[1]}
    if dtype is torch.float32 and torch.backends.mkldnn.is_available():
        packed = [x.to_mkldnn() for x in (a, b)]
        ways["oneDNN"] = lambda lap: (F.linear(*packed), lap("matmul"))[1]
    times = interleaved(ways, repeats).values()
    flops = 2 * size**3
    return {
        "wall": flops / min(one.wall for one in times),
        "processor": flops / min(one.processor for one in times),
    }


def best(dtype: torch.dtype, size: int = 2048) -> dict[str, float]:
    """The higher `peak` of a product of this size and one of half of it, which caches hold.

    Of bfloat16, which some processors emulate, the smaller one only.
    """
    sizes = (size // 2,) if dtype is torch.bfloat16 else (size // 2, size)
    found = [peak(dtype, each) for each in sizes]
    return {key: max(one[key] for one in found) for key in found[0]}


def copy_bandwidth(mebibytes: int = 256, repeats: int = 5) -> float:
    """Bytes a second that a copy reads and writes, on the current threads."""
    source = torch.ones(mebibytes * 2**18)
    target = torch.empty_like(source)
    times = interleaved({"copy": lambda lap: (target.copy_(source), lap("copy"))[1]}, repeats)
    return 2 * 4 * source.numel() / times["copy"].wall


def describe() -> dict[str, Any]:
    """Date, processor, load, versions and commit."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
        "load": os.getloadavg()[0],
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": _commit(),
    }


def measure(threads: tuple[int, ...], size: int = 2048) -> list[dict[str, Any]]:
    """Peaks and bandwidth, a row for each number of threads."""
    rows, before = [], torch.get_num_threads()
    for count in threads:
        torch.set_num_threads(count)
        start = time.perf_counter()
        fp32, bf16 = best(torch.float32, size), best(torch.bfloat16, size)
        rows.append(
            {
                "threads": count,
                "fp32": fp32["wall"],
                "fp32 (processor time)": fp32["processor"],
                "bf16": bf16["wall"],
                "copy": copy_bandwidth(max(size // 8, 1)),
                "seconds": time.perf_counter() - start,
            }
        )
    torch.set_num_threads(before)
    return rows


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    root = Path(__file__).parent
    try:
        command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
