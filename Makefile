# make demo    the main job: pretrain and judge on synthetic figures, write demo/index.html
# make test    the tests
# make check   format, lint, types
# make bench   speed beside a plain path, the short form; `python -m benchmarks` is the long one
# make docs    the documentation, into site/
# Each makes its own virtual environment (.venv) when it is missing.

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
# One thread a process: the tests run side by side.
export OMP_NUM_THREADS ?= 1

.PHONY: demo test check bench docs clean

demo: .venv/.done
	env -u OMP_NUM_THREADS $(BIN)/skelf demo --out demo

test: .venv/.done
	$(BIN)/python -m pytest -n $(JOBS)

check: .venv/.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/.done
	$(BIN)/python -m benchmarks --short --out benchmarks-out

docs: .venv/.done
	$(BIN)/mkdocs build --strict

# Torch goes first, so that the pin decides which build comes. pip knows --group from 25.1 on.
.venv/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e . \
		--group test --group lint --group docs
	touch $@

clean:
	rm -rf .venv site
