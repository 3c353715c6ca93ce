# The whole developer manual: serve, test, check, bench.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= $(CURDIR)/var

.PHONY: serve test check bench chaos servers clean format

# ---- run ----
serve: $(VENV)/.runtime ## the product on an embedded default (SQLite, no broker) with demo data
	@APISERVER_DATA_DIR="$(DATA)" $(BIN)/python manage.py serve --demo

# ---- test ----
test: $(VENV)/.dev servers ## every test on real parts
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(TESTS)

servers: ## what the tests drive: PostgreSQL, MariaDB, Redis, Chromium
	@tools/install_servers

check: $(VENV)/.dev ## lint, format and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy apiserver connections users

format: $(VENV)/.dev
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: $(VENV)/.bench servers ## our server beside PostgREST, a hand-written FastAPI service and the bare SQL
	@$(BIN)/python -m benchmarks

chaos: $(VENV)/.dev servers ## the promises of docs/promises.md under faults: make chaos NAMES="S7 R9" WRITE=--write
	@$(BIN)/python -m chaos $(NAMES) $(WRITE)

# ---- environments ----
$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: set PYTHON=python3.x"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: sudo apt-get install -y python3-venv"; exit 1; }

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/pip
	@echo "Installing the product's Python packages into $(VENV) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(VENV)/bin/pip
	@echo "Installing the test packages into $(VENV) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime

$(VENV)/.bench: requirements-bench.txt $(VENV)/.dev
	@command -v wrk >/dev/null || { echo "The load comes from wrk: sudo apt-get install -y wrk"; exit 1; }
	@echo "Installing the benchmark's packages into $(VENV) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-bench.txt
	@touch $@

clean:
	@rm -rf $(VENV) var artefacts
