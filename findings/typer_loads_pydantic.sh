#!/usr/bin/env bash
# Typer 0.29 reads the values of options with pydantic, and imports it for any command that has one:
# a program that never mentions pydantic pays for it at every start. Typer 0.20 did not. A group's
# `--help` does not pay; every command that runs does.
#
# Seen on 2026-11-30 with Python 3.11, typer 0.29.2 (which depends on pydantic) and typer 0.20.0 (which does not):
#   typer 0.29.2: pydantic loaded: True
#   typer 0.20.0: pydantic loaded: False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/program.py" <<'PROGRAM'
import sys
from importlib.metadata import version

import typer


def greet(name: str = "you", times: int = 1) -> None:
    print(f"typer {version('typer')}: pydantic loaded: {'pydantic' in sys.modules}")


typer.run(greet)
PROGRAM
seen=""
for release in 0.29.2 0.20.0; do
  python3 -m venv "$folder/$release"
  "$folder/$release/bin/python" -m pip install --quiet "typer==$release" 2> /dev/null
  seen+="$("$folder/$release/bin/python" "$folder/program.py")"$'\n'
done
printf '%s' "$seen"
expected=$'typer 0.29.2: pydantic loaded: True\ntyper 0.20.0: pydantic loaded: False\n'
[ "$seen" = "$expected" ] || { echo "changed: expected"; printf '%s' "$expected"; exit 1; }
