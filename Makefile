# rempart: `make demo` and `make test` set everything up themselves, on a Debian 12 as root.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
INVENTORY := inventories/lab.yaml
# For `make bench`: how many hosts, and how often each contestant runs.
HOSTS := 1 5 10 20
FIRST_APPLY := 1 5
ROUNDS := 3
# For `make test`: where a tree that passed is noted; this checkout's own file if not said.
GREEN :=
PYTEST = $(BIN)/python -m pytest -n 5
COMPILE = $(BIN)/pip-compile -q --allow-unsafe --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-emit-trusted-host --no-header --strip-extras --upgrade
SOURCES := $(shell find src deploys templates -type f -not -name '*.pyc') pyproject.toml
INSTALL := DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends

BRING = [ -z "$$missing" ] || { apt-get update -q && $(INSTALL) $$missing; }

.PHONY: help setup demo test test-full check test-unit lock lab-up lab-down lab-ssh vm-box vm-up vm-down golden bench scores clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: .stamps/wheel ## Debian packages, virtual environment, the built wheel in it

.stamps/debian: lab/requirements.py
	@test "$$(id -u)" = 0 || { echo 'make: be root: the lab boots real systemd hosts' >&2; exit 1; }
	command -v python3 >/dev/null || { apt-get update -q && $(INSTALL) python3; }
	missing=$$(python3 -m lab.requirements); $(BRING)
	@python3 -c 'from lab.requirements import check; check()'
	@mkdir -p .stamps && touch $@

.stamps/venv: requirements.lock .stamps/debian
	python3 -m venv --clear .venv
	$(BIN)/pip install -q --require-hashes -r requirements.lock
	@touch $@

.stamps/wheel: $(SOURCES) .stamps/venv
	rm -rf dist
	$(BIN)/python -m build -q --wheel --no-isolation --outdir dist
	$(BIN)/pip install -q --no-deps --force-reinstall dist/rempart-*.whl
	@touch $@

demo: setup ## four stock hosts, enrolled, planned, applied, verified
	./lab/demo.sh

test: setup check .stamps/bench ## the gate: all tests without hosts, a canary per promise on real hosts
	tree=$$(tests/green.sh tree); $(PYTEST) --gate; tests/green.sh note "$$tree" $(GREEN)

ifeq ($(origin AREA)$(AREA),command line)
test-full:
	@printf '%s\n' $(notdir $(patsubst %/,%,$(wildcard tests/lab/*/)))
else
test-full: setup .stamps/bench ## every test: make test-full AREA=guard for one area, AREA= lists them
	$(PYTEST) $(addprefix tests/lab/,$(AREA))
endif

check: setup ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy lab vm deploys bench scores

test-unit: setup ## the tests that need no hosts
	$(BIN)/python -m pytest tests/unit tests/deploys tests/golden tests/generated

lock: .stamps/venv ## renew the lock files
	$(COMPILE) --all-extras -o requirements.lock pyproject.toml
	$(COMPILE) -o bench/requirements.lock bench/requirements.in

.stamps/bench: bench/requirements.lock .stamps/debian
	python3 -m venv --clear .venv.bench
	.venv.bench/bin/pip install -q --require-hashes -r bench/requirements.lock
	@touch $@

bench: setup .stamps/bench ## beside Ansible and others: make bench HOSTS="1 10" FIRST_APPLY= ROUNDS=3
	@$(BIN)/python -m bench --hosts $(HOSTS) --first-apply $(FIRST_APPLY) --rounds $(ROUNDS)

scores: setup ## OpenSCAP, Lynis and ssh-audit before and after rempart
	@$(BIN)/python -m scores

lab-up: setup ## boot the lab practice
	$(BIN)/python -m lab up

lab-down: .stamps/venv ## remove everything that the lab made
	$(BIN)/python -m lab down

lab-ssh: .stamps/venv ## log in: make lab-ssh HOST=accueil-1
	@test -n "$(HOST)" || { echo 'make: say which: make lab-ssh HOST=accueil-1' >&2; exit 1; }
	$(BIN)/python -m lab ssh $(HOST)

.stamps/vm: lab/requirements.py .stamps/debian
	missing=$$(python3 -m lab.requirements vm); $(BRING)
	@touch $@

vm-box: setup .stamps/vm ## build the Debian boxes of the virtual machines, once
	$(BIN)/python -m vm box

vm-up: setup .stamps/vm ## boot the practice in virtual machines: make vm-up HOST=accueil-1 for one
	$(BIN)/python -m vm up $(HOST)

vm-down: setup .stamps/vm ## remove the virtual machines and all that they brought but the boxes
	$(BIN)/python -m vm down

clean: ## remove what make made here
	rm -rf .venv .venv.bench .stamps dist
