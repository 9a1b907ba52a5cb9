"""The GPUs of this machine, where each of several processes gets one."""

from __future__ import annotations

import os
from pathlib import Path


def gpus() -> list[str]:
    """Names for CUDA_VISIBLE_DEVICES where there are several GPUs; torch is loaded to count them
    only where there may be one.
    """
    if os.name != "nt" and not any(Path("/dev").glob("nvidia[0-9]*")):
        return []
    import torch

    if torch.cuda.device_count() < 2:
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(i) for i in range(torch.cuda.device_count())]
