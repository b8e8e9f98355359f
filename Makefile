# podprobe. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The newest Python on this machine that the client runs on; `make PYTHON=…` names another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?= tui
TESTS ?= tests
RUNS ?= 100000

.PHONY: help setup demo test check lint types contracts format bench e2e fuzz docs pictures lock clean

help: ## this list
	@echo "podprobe: an X-ray of one Kubernetes Pod"; echo
	@sed -nE 's/^([a-z0-9]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s'|'
	@echo; echo '  make demo ARGS="snapshot -o json"   another command on the demo Pod'
	@echo '  make test TESTS=tests/unit          one layer of the tests'

setup: $(READY) ## make .venv with everything pinned in requirements-dev.lock

$(READY): pyproject.toml requirements-dev.lock
	@if [ -z "$(PYTHON)" ]; then echo "podprobe needs Python 3.11 or newer; none was found. Install one, or say make PYTHON=/path/to/python3" >&2; exit 1; fi
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "setting up $(VENV) with $(PYTHON) ..." >&2
	@$(PYTHON) -m venv --clear $(VENV) >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . >&2
	@touch $@

demo: $(READY) ## open the live view on a Pod made of Linux namespaces, with real faults in it
	@$(BIN)/podprobe demo $(ARGS)

test: $(READY) ## run the tests; what this machine cannot run is skipped, and says why
	@$(BIN)/python -m pytest $(TESTS)

check: lint types contracts ## lint, types, import contracts

lint: $(READY) ## ruff: rules and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY) ## mypy, strict
	@$(BIN)/mypy

contracts: $(READY) ## import contracts: who may import whom
	@$(BIN)/lint-imports

format: $(READY) ## let ruff format and fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY) ## measure against peers in the same run; writes docs/reference/benchmarks.md
	@$(BIN)/python -m tests.bench $(BENCH)

e2e: $(READY) ## only the tests on a real cluster (PODPROBE_E2E_KUBECONFIG, or binaries in KUBE_BIN)
	@$(BIN)/python -m pytest tests/e2e

fuzz: $(READY) ## fuzz the parsers; RUNS=N inputs for each, FUZZ="inet dns" some of them (CPython 3.11 to 3.13 on x86_64)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/fuzz/requirements.txt
	@$(BIN)/python -m tests.fuzz $(FUZZ) --runs $(RUNS)

docs: $(READY) ## write the generated pages of docs/reference again
	@$(BIN)/python scripts/generate_docs.py

pictures: $(READY) ## take the pictures of docs/images again, of a Pod (TARGET=POD) or of a demo Pod
	@$(BIN)/python scripts/take_pictures.py $(TARGET)

lock: $(READY) ## resolve requirements-dev.lock again (needs uv)
	@uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" -q -o requirements-dev.lock

clean: ## remove what setup and the tests made
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
