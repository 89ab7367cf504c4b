# Every target stands on its own: `make setup` is called by whichever needs it.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3.11
PROTOS := $(wildcard protos/fhirexport/v1/*.proto)

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test check lint format types proto lock bench conformance

help: ## List the targets
	@sed -n 's/^\([a-z]*\): .*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(VENV)/.ready ## Make .venv with everything a developer needs

$(VENV)/.ready: requirements/dev.lock pyproject.toml client/fhirexport/_version.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock: setup ## Write requirements/dev.lock anew: names, versions and hashes, no addresses
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml -o requirements/dev.lock
