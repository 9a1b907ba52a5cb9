"""Commands of skelf by any tree, each in a process of its own that has its libraries already.

`python -P same_launch.py` reads one order a line, `{code, folder, words, printed}`, and answers
with its exit code. Imports take longer than all else in a tiny command, so they are done once: a
command is a fork of this process, which has nothing of skelf in it, and runs what `python -m skelf`
would.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from typing import Any

# What skelf imports from elsewhere, where it is installed.
LIBRARIES = (
    "torch", "lightning.fabric", "safetensors.torch", "pydantic", "typer", "rich.console", "h5py",
    "sklearn.svm", "scipy.stats", "matplotlib.figure", "huggingface_hub", "tensorboard", "filelock",
)  # fmt: skip


def work(order: dict[str, Any]) -> None:
    """The command of an order, in this process."""
    os.chdir(order["folder"])
    for number, suffix in ((1, "out"), (2, "err")):
        os.dup2(
            os.open(f"{order['printed']}.{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number
        )
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ["PYTHONPATH"] = order["code"]  # for processes that the command starts
    sys.path.insert(0, order["code"])
    script, *rest = order["words"]
    if script.endswith(".py"):
        sys.argv = [script, *rest]
        runpy.run_path(script, run_name="__main__")
    else:
        sys.argv = [script, *rest]
        runpy.run_module(script, run_name="__main__", alter_sys=True)


def in_child(order: dict[str, Any]) -> int:
    """An exit code, as the interpreter would end with."""
    try:
        work(order)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def main() -> None:
    """Serves orders until the input ends."""
    for library in LIBRARIES:
        try:
            __import__(library)
        except ImportError:
            continue
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = in_child(json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
