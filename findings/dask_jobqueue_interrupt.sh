#!/usr/bin/env bash
# `import dask_jobqueue` replaces the handler of SIGINT in the program that imports it: Ctrl-C is no
# KeyboardInterrupt any more but `sys.exit()`, so that clean-up which waits for KeyboardInterrupt does not run
# and an interrupted program ends with code 0. In another thread than the main one the import fails (ValueError).
#
# Seen on 2026-12-01 with Python 3.11, dask-jobqueue 0.9.0:
#   before: default_int_handler; after: <lambda>; exit code of an interrupted program: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "dask-jobqueue==0.9.0" 2> /dev/null
cat > "$folder/program.py" <<'PROGRAM'
import os
import signal

before = signal.getsignal(signal.SIGINT).__name__
import dask_jobqueue

after = signal.getsignal(signal.SIGINT).__name__
print(f"before: {before}; after: {after}; ", end="", flush=True)
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    raise SystemExit(130)
PROGRAM
code=0
seen=$("$folder/venv/bin/python" "$folder/program.py") || code=$?
seen="${seen}exit code of an interrupted program: $code"
echo "$seen"
expected="before: default_int_handler; after: <lambda>; exit code of an interrupted program: 0"
[ "$seen" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
