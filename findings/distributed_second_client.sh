#!/usr/bin/env bash
# A program whose first connection to a dask scheduler failed, as by an address without a port, may
# see the second one hang for ten seconds and end with a bare AssertionError, whatever is at the
# second address. The first Client stays as garbage with a loop that runs. Python's collector may
# meet it in any thread; if that is the new Client's loop thread, it waits there for a lock that the
# new Client holds until this thread has started. Here the collector is told to run at that moment;
# by itself it did so now and then in a suite of 11,000 tests. `gc.collect()` before the
# second Client is made helps.
#
# Seen on 2026-12-01 with Python 3.11, distributed 2026.8.0:
#   first: ValueError, at once
#   second: AssertionError, after 10 s
#   second, garbage collected before: OSError, at once
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/program.py" <<'PROGRAM'
import gc
import logging
import sys
import threading
import time

from distributed import Client

logging.disable(logging.CRITICAL)
started = threading.Thread.run


def run(thread):
    if thread.name == "IO loop":
        gc.collect()
    started(thread)


def connected(address):
    began = time.monotonic()
    try:
        Client(address, timeout=0.5, set_as_default=False)
    except Exception as error:
        seconds = time.monotonic() - began
        when = "at once" if seconds < 5 else f"after {seconds:.0f} s"
        return f"{type(error).__name__}, {when}"


gc.disable()
first = connected("tcp://127.0.0.1")
if sys.argv[1] == "collected":
    gc.collect()
threading.Thread.run = run
second = connected("tcp://127.0.0.1:9")
if sys.argv[1] == "collected":
    print(f"second, garbage collected before: {second}")
else:
    print(f"first: {first}\nsecond: {second}")
PROGRAM
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet distributed==2026.8.0 dask==2026.8.0 2> /dev/null
seen=$("$folder/venv/bin/python" "$folder/program.py" left)
seen+=$'\n'$("$folder/venv/bin/python" "$folder/program.py" collected)
printf '%s\n' "$seen"
expected='first: ValueError, at once
second: AssertionError, after 10 s
second, garbage collected before: OSError, at once'
[ "$seen" = "$expected" ] || { echo "changed: expected"; printf '%s\n' "$expected"; exit 1; }
