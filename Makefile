# Everything from a fresh clone: `make demo` and `make test` set up what they need, from PyPI and npm alone.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := -m pip install --quiet --disable-pip-version-check
# Node comes with the virtual environment, so the machine needs none.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE := 1
# Only test-aws and clean-aws use an AWS account, whatever the shell has.
unexport CDK_IOT_OTA_TEST_ACCOUNT

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types pytest lowest explore large test-aws clean-aws lock audit format clean

help: ## show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready node_modules/.ready ## install everything into .venv and node_modules

.venv/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python $(INSTALL) --require-hashes -r requirements.txt
	$(BIN)/python $(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

node_modules/.ready: package-lock.json .venv/.ready
	$(BIN)/npm ci --no-audit --no-fund --loglevel=error
	touch $@

demo: setup ## deploy the examples to AWS on this machine, and let devices take what they ship
	$(BIN)/python -m demo

test: lint types pytest lowest ## lint, types and all tests

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy
	node_modules/.bin/pyright

# Most tests wait for other processes, so two of them share a core well.
pytest: setup
	$(BIN)/pytest -n 2 --dist loadfile

# The lowest aws-cdk-lib and constructs that pyproject.toml admits.
lowest: setup .venv-lowest/.ready
	.venv-lowest/bin/python -m pytest tests/construct tests/contract

.venv-lowest/.ready: requirements-lowest.txt pyproject.toml
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python $(INSTALL) --require-hashes -r requirements-lowest.txt
	.venv-lowest/bin/python $(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

explore: setup ## play 20,000 new random stories of a stack, ten times as many as `make test`
	HYPOTHESIS_PROFILE=explore STORIES=20000 $(BIN)/pytest tests/model/test_machine.py

large: setup ## gates over 10,000 devices, ten times as many as in `make test`
	DEVICES=10000 $(BIN)/pytest tests/end_to_end/test_gate_scenarios.py -k large

test-aws: setup ## the end-to-end tests in the AWS account ACCOUNT=, see docs/testing-on-aws.md
	CDK_IOT_OTA_TEST_ACCOUNT="$(ACCOUNT)" $(BIN)/pytest tests/end_to_end -raP

clean-aws: setup ## remove what interrupted runs of test-aws have left in the account ACCOUNT=
	CDK_IOT_OTA_TEST_ACCOUNT="$(ACCOUNT)" $(BIN)/python -m tests.end_to_end.support.clean_up

# Whatever is pinned and still fits stays, unless it is in UPGRADE="NAME NAME".
COMPILE := $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.10 --generate-hashes \
	--custom-compile-command "make lock" $(addprefix --upgrade-package=,$(UPGRADE))

lock: .venv/.ready ## pin and hash all that requirements*.in names and needs, and list its licences
	$(COMPILE) --output-file requirements.txt requirements.in
	$(COMPILE) --output-file requirements-lowest.txt requirements-lowest.in
	$(MAKE) setup
	$(BIN)/python -m tools.licences

# Without --strict, pip-audit passes what it has found no data on.
AUDIT := $(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off

audit: .venv/.ready ## ask PyPI and npm for known vulnerabilities of what is pinned
	$(AUDIT) --requirement requirements.txt
	$(AUDIT) --requirement requirements-lowest.txt
	$(BIN)/npm audit --package-lock-only

format: setup ## put all Python files into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove everything that is not the project
	rm -rf .venv .venv-lowest node_modules cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis
