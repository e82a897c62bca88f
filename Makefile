# Two commands do everything on a fresh machine with Python >= 3.11 (with venv), make and git:
#   make demo    the whole story in a minute, on an embedded twin
#   make test    the fast suite
# Every target makes and keeps its own virtual environment in .venv. With another Python, beside it:
#   make test PYTHON=python3.12 VENV=.venv/3.12

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	if $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

.PHONY: help demo test real lint format docs bench wheel clean asked-for

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

$(VENV)/.made:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer with venv is needed; set PYTHON=/path/to/python3" >&2; exit 1; fi
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@if command -v uv >/dev/null 2>&1; then uv venv -q --seed --python "$(PYTHON)" $(VENV); else $(PYTHON) -m venv $(VENV); fi
	@touch $@

# Whoever names a Python gets that one or an error, never an environment that another one made before.
asked-for: $(VENV)/.made
ifneq ($(origin PYTHON),file)
	@have="$$($(BIN)/python --version)"; wanted="$$($(PYTHON) --version)"; if [ "$$have" != "$$wanted" ]; then \
		echo "$(VENV) has $$have, and PYTHON is $$wanted: make clean first, or name another with VENV=.venv/NAME" >&2; exit 1; fi
endif

$(VENV)/.core: $(VENV)/.made pyproject.toml | asked-for
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml | asked-for
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.core

demo: $(VENV)/.core ## The whole story in a minute, on an embedded twin
	@$(BIN)/shipkeeper demo

test: $(VENV)/.dev ## The fast suite (minutes; no network, no cluster)
	@$(BIN)/python -m pytest -m "not real and not slow" -n 2 $(PYTEST_ARGS)

real: $(VENV)/.dev ## The suites against a real control plane on loopback (built once, cached outside the clone)
	@$(BIN)/python -m pytest $(if $(filter tests/%,$(PYTEST_ARGS)),,tests/real) -m real $(PYTEST_ARGS)

lint: $(VENV)/.dev ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## Let ruff order and format everything
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

docs: $(VENV)/.dev ## Write the reference pages that come from code
	@$(BIN)/python scripts/reference

bench: $(VENV)/.dev ## Speed and memory, as ratios to a baseline
	@for script in bench/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script; done

wheel: $(VENV)/.dev ## Build the wheel into dist/
	@$(BIN)/python -m pip wheel -q --no-deps -w dist .

clean: ## Remove the virtual environment and caches of this clone
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
