# Needs Python 3.11 or later and make, nothing else.  make run | test | check | tables SOURCE=folder | install
SHELL := /bin/bash
.DEFAULT_GOAL := run
VENV := .venv
BIN := $(VENV)/bin
# The newest Python that starts and is new enough; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; break; fi; done)
# Small matrices on several BLAS threads are slower than on one, and results should not depend on their number.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt

.PHONY: install run test check lint format types layers tables wheel clean

install: $(VENV)/.runtime

run: install  ## the five policies on the shipped tables, partners and the page: results/main
	@$(BIN)/iomodel run

test: $(VENV)/.dev  ## the whole test suite
	@$(BIN)/python -m pytest

check: lint types layers  ## style, types and the order of imports

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
format: $(VENV)/.dev
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .
types: $(VENV)/.dev
	@$(BIN)/basedpyright --pythonpath $(BIN)/python
layers: $(VENV)/.dev
	@$(BIN)/lint-imports

tables: $(VENV)/.dev  ## make the shipped tables anew: make tables SOURCE=folder-of-the-raw-files
	@test -n "$(SOURCE)" || { echo "Say where the raw source files are: make tables SOURCE=folder" >&2; exit 2; }
	@$(BIN)/iomodel tables build --source "$(SOURCE)"

wheel: $(VENV)/.dev
	@$(BIN)/python -m build --wheel --outdir dist .

clean:
	rm -rf $(VENV) dist build results .pytest_cache .ruff_cache

# An environment is made once, and again only when what it is made from has changed.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later was not found; install it, or say PYTHON=path/to/python3." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "$(PYTHON) does not start, or is older than Python 3.11." >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) lacks its venv module; on Debian and Ubuntu: apt install python3-venv; then again." >&2; exit 2; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing iomodel and its pinned requirements (a minute or two) …"
	@$(PIP) -e '.[moreau]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing iomodel, its pinned requirements and the tools of its tests (two minutes or so) …"
	@$(PIP) -e '.[dev]'
	@touch $(VENV)/.runtime $@
