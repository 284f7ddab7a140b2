# What people do here; `noxfile.py` holds how the checks are made.
# `make` alone prints this list.

VENV := .venv
BIN := $(VENV)/bin
# The first Python of 3.11 to 3.13; `make PYTHON=/path/to/python venv` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo $$p; break; }; done)
# Without the build backend's remark on editable installs.
PIP_INSTALL := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help venv local up dev down logs load load-ui test chaos faults drills celery-suite sabotage matrix fuzz verify-quick bench lint format

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(VENV)/.installed ## install only: .venv with the pinned dependencies and the `shop` command

local: venv ## run the whole shop here: nothing else needed, Ctrl-C stops it
	@exec $(BIN)/shop up $(ARGS)

up: ## build and run in Docker, as in production
	@./entrypoint.sh --up

dev: ## the same for development: the source is mounted, changes reload
	@./entrypoint.sh --dev --up

down: ## stop what `up` or `dev` started
	@./entrypoint.sh --down

logs: ## follow the containers' logs
	@./entrypoint.sh --logs

load: $(VENV)/.installed-dev ## does `priority` stay fast while `default` drowns? A verdict in minutes
	@$(BIN)/python -m loadtest run priority-under-flood --profile quick $(ARGS)

load-ui: $(VENV)/.installed-dev ## the same to play with: Locust's web page on 8089, and /lab in it
	@exec $(BIN)/python -m loadtest ui $(ARGS)

test: $(VENV)/.installed-dev ## run the tests; those on containers when an engine answers
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

chaos: $(VENV)/.installed-dev ## orders under faults, with a verdict; minutes (ARGS=--quick: one)
	@$(BIN)/python -m testing.chaos $(ARGS)

faults: $(VENV)/.installed-dev ## inject each fault into a local stack, and see it heal
	@$(BIN)/python -m pytest tests/faults $(ARGS)

drills: $(VENV)/.installed-dev ## one fault many times over: how long it lasts, what it leaves; half an hour
	@$(BIN)/python -m testing.drills $(ARGS)

celery-suite: $(VENV)/.installed-dev ## Celery's own suite on these workers and on plain ones; a quarter of an hour
	@$(BIN)/python -m testing.celery_suite $(ARGS)

sabotage: $(VENV)/.installed-dev ## break the shop on purpose: does each checker notice? Minutes
	@$(BIN)/python -m testing.sabotage $(ARGS)

matrix: $(VENV)/.installed-dev ## every round trip to Redis x every way it can fail; an hour (ARGS='--share 20': minutes)
	@$(BIN)/python -m testing.matrix $(ARGS)

fuzz: $(VENV)/.installed-dev ## 10 000 requests made of the OpenAPI schema; minutes
	@$(BIN)/python -m testing.generated $(ARGS)

verify-quick: $(VENV)/.installed-dev ## show every claim of the docs that fits in 10 minutes
	@$(BIN)/python -m loadtest verify $(ARGS)

bench: $(VENV)/.installed-dev ## how fast, beside honest baselines? Ratios (ARGS=intake: one)
	@$(BIN)/python -m loadtest bench $(ARGS)

lint: $(VENV)/.installed-dev ## style, types, the house's import rules, known vulnerabilities
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m testing.audit

format: $(VENV)/.installed-dev ## put the source into its standard form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: install one, or name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments; on Debian: apt install python3-venv" >&2; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing the pinned dependencies into $(VENV) ..."
	@$(PIP_INSTALL) --upgrade pip
	@$(PIP_INSTALL) -e '.[local]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing the tools for tests and checks ..."
	@$(PIP_INSTALL) --group dev
	@touch $@
