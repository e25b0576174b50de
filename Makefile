# Everything runs in .venv, set up from hash-pinned requirements; see CONTRIBUTING.md.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --require-hashes --no-deps --requirement
PROJECT := $(PIP) install --no-build-isolation --no-deps --no-index --editable .

.PHONY: demo serve test test-compat check bench bench-postgres format lock clean

demo: .venv/runtime ## The main job on real input, for all to see
	$(BIN)/recollect warmup
	$(BIN)/python demo/run.py

serve: .venv/runtime ## Start the server on 127.0.0.1:8080
	$(BIN)/recollect warmup
	$(BIN)/recollect serve

test: .venv/development ## Every test
	$(BIN)/recollect warmup
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 8 --dist worksteal

test-compat: .venv/development ## MemMachine's own clients' tests; COMPAT holds options: --store postgres
	$(BIN)/recollect warmup
	$(BIN)/python -m tests.compat.run $(COMPAT)

check: .venv/development ## Linters, types, import rules, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/deptry src

bench: .venv/development ## Measure; BENCH holds options, such as BENCH="--sizes 10000"
	$(BIN)/recollect warmup
	$(BIN)/python -m benchmarks $(BENCH)

bench-postgres: .venv/development ## Measure over PostgreSQL; RECOLLECT_BENCH_POSTGRES_URL names another server
	$(BIN)/recollect warmup
	$(BIN)/python -m benchmarks --postgres $(BENCH)

format: .venv/development ## Format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Pin the dependencies anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --custom-compile-command 'make lock' \
	  pyproject.toml --extra postgres --group build --output-file requirements/runtime.txt
	uv pip compile --quiet --universal --generate-hashes --custom-compile-command 'make lock' \
	  pyproject.toml --extra postgres --extra kubernetes --group build --group dev \
	  --output-file requirements/dev.txt
	uv pip compile --quiet --universal --generate-hashes --custom-compile-command 'make lock' \
	  --python-version 3.11 tests/compat/current.in --output-file requirements/compat.txt
	uv pip compile --quiet --universal --generate-hashes --custom-compile-command 'make lock' \
	  --python-version 3.11 tests/compat/before.in --output-file requirements/compat-before.txt

clean: ## Remove what make made
	rm -rf .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Recollect needs Python 3.11 or newer; say which: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python's venv is missing; install it: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/runtime: requirements/runtime.txt pyproject.toml | .venv/bin/python
	$(INSTALL) requirements/runtime.txt
	$(PROJECT)
	@touch $@

.venv/development: requirements/dev.txt .venv/runtime
	$(INSTALL) requirements/dev.txt
	@touch $@
