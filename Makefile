# Two commands do everything on a machine with git, make and Python 3.11 or newer:
#   make quickstart   starts Weft, imports real texts and searches them
#   make test         lint, types, tests, and a tiny run of every benchmark
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: quickstart test lint types unit bench-tiny clean

quickstart: .venv/installed
	$(BIN)/python examples/quickstart.py

test: lint types unit bench-tiny

lint: .venv/dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev-installed
	$(BIN)/mypy

unit: .venv/dev-installed
	$(BIN)/python -m pytest

bench-tiny: .venv/dev-installed
	for bench in bench/[a-z]*.py; do echo "== $$bench"; $(BIN)/python $$bench --tiny || exit 1; done

.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Weft needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say which to use: make PYTHON=python3.12 quickstart") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on --quiet --editable .
	touch $@

.venv/dev-installed: .venv/installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --group dev
	touch $@

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
