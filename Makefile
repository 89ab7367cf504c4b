# Every target stands on its own: `make setup` is called by whichever needs it.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3.11
PROTOS := $(wildcard protos/fhirexport/v1/*.proto)
# COMPILED=1 has the suite and the programs use the modules that `make compiled` has compiled.
MODULES := $(CURDIR)/build/compiled/modules
PYTEST = $(if $(COMPILED),PYTHONPATH=$(MODULES) )$(BIN)/python -m pytest
VERIFY = PYTHONPATH=$(if $(COMPILED),$(MODULES):)tests $(BIN)/python -m

# The tests start hundreds of processes. Without bytecode, as images have it, each would spend seconds on compiling.
unexport PYTHONDONTWRITEBYTECODE
# Programs of tests/verification start PostgreSQL as another user, from processes that use gRPC: see tests/conftest.py.
export GRPC_ENABLE_FORK_SUPPORT := false

.DEFAULT_GOAL := help
.PHONY: help setup demo serve http test check lint format types proto lock bench prove siege mutants kills watches mirror rolling hostile conformance

help: ## List the targets
	@sed -n 's/^\([a-z]*\): .*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(VENV)/.ready ## Make .venv with everything a developer needs

$(VENV)/.ready: requirements/dev.lock pyproject.toml client/fhirexport/_version.py
	@echo "Making $(VENV), which holds everything: removing it undoes the setup. Once, for a minute or two."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "$(VENV) is ready."

LOCKED := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url
lock: setup ## Write requirements/*.lock anew: names, versions and hashes, no addresses
	$(BIN)/uv pip compile $(LOCKED) --upgrade --extra dev pyproject.toml -o requirements/dev.lock
	$(BIN)/uv pip compile $(LOCKED) --extra server --extra cli --constraints requirements/dev.lock pyproject.toml -o requirements/server.lock

demo: setup ## Fill a SQLite database, start the server, export everything, print a table, stop
	@$(BIN)/python client/demo.py

serve: setup ## Serve DATABASE_URL on localhost:50051; without one the demo group, with a Valkey
	@exec $(BIN)/python client/serve.py

http: setup ## Serve HTTP/JSON on localhost:8000 with Envoy, in front of `make serve`
	$(BIN)/envoy -c deploy/envoy.yaml

test: setup ## Run the suite, on SQLite and on PostgreSQL; K='revisions and sqlite' a part of it
	$(PYTEST) --numprocesses auto --dist worksteal -m "not long" $(if $(K),-k "$(K)")

# What is pure or needs SQLite alone, without the tests that search with random data. In one process: to start more takes as long.
QUICK := tests/documentation/test_french_pages.py tests/fhir tests/fhir_reading tests/formats tests/cache/test_keys.py tests/cache/test_memory.py \
  tests/cache/test_pattern.py tests/client/test_import_source.py tests/client/test_twins.py \
  tests/rpc/test_requests.py tests/rpc/test_exports.py tests/rpc/test_settings.py \
  tests/store/test_checks.py tests/store/test_revisions.py

.PHONY: quick
quick: setup ## Run a part of the suite that takes less than half a minute and no PostgreSQL
	$(PYTEST) -m "not hypothesis" -k "not postgresql and not random_hospitals" $(QUICK)

# A program that is measured starts and ends later: a few tests of signals fail then. What passes is for `make test` to say.
.PHONY: coverage
coverage: setup ## Run the suite, show the lines and branches that no test reaches, fail below the floor of pyproject.toml
	-$(BIN)/python -m pytest --quiet --numprocesses auto --dist worksteal --cov --cov-report=
	$(BIN)/coverage report

.PHONY: hooks
hooks: ## Check each commit and push of this clone before it is made; `git config --unset core.hooksPath` undoes it
	git config core.hooksPath .githooks

.PHONY: dist
DIST := dist
dist: setup ## Build what is released, into dist/: sdist, wheel, SBOM, sums; SIGNING_KEY=FILE signs them, with ssh-keygen
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --clear --out-dir $(DIST)
	$(BIN)/cyclonedx-py requirements requirements/server.lock --pyproject pyproject.toml --output-reproducible \
	  --output-file $(DIST)/fhirexport-$$($(BIN)/hatchling version).cdx.json
	cd $(DIST) && sha256sum fhirexport-* > SHA256SUMS
	$(if $(SIGNING_KEY),ssh-keygen -q -Y sign -n file -f $(SIGNING_KEY) $(DIST)/SHA256SUMS)
	@ls $(DIST)

.PHONY: compiled
compiled: setup ## Compile modules with mypyc, which needs a C compiler; then COMPILED=1 has test, quick, bench and the like use them
	COMPILED=1 $(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --clear --out-dir build/compiled/wheel
	rm -rf $(MODULES)
	$(BIN)/python -m zipfile --extract build/compiled/wheel/fhirexport-*.whl $(MODULES)

# GROUP=2/8 runs the second of eight parts of `make verify` or `make pages`: CI has time for one, another with each commit.
part = $(word $(1),$(subst /, ,$(GROUP)))
SPLIT = $(if $(GROUP),--splitting-algorithm least_duration --splits $(call part,2) --group $(call part,1))

.PHONY: pages
pages: setup ## Do what the README and the pages of docs/ tell people to type
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(SPLIT) tests/documentation/check_*.py

.PHONY: verify
verify: setup ## Run the long tests, and each verification program for a short time: prove, siege, fuzz, kills, the model, walks
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(SPLIT) -m long
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(SPLIT) tests/verification/*/check_*.py
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(SPLIT) --every-database -m content -k postgresql tests/imports
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(SPLIT) --hypothesis-profile all -m hypothesis

.PHONY: package
package: setup ## Build the wheel, install and try it in fresh environments: locked, newest and oldest releases
	$(BIN)/python -m pytest tests/package/check_*.py

.PHONY: rules
rules: setup $(BIN)/promtool $(BIN)/prometheus ## Check the metrics, the alerts and the dashboard with promtool and a real Prometheus
	$(BIN)/python -m pytest tests/metrics/check_*.py

# Prometheus is in no package index. Debian has it; two programs are taken out of the package, and nothing is installed.
$(BIN)/promtool $(BIN)/prometheus: | $(VENV)/.ready
	@if command -v $(@F) >/dev/null; then ln -s "$$(command -v $(@F))" $@; else \
	  mkdir -p build/debian && cd build/debian && { ls prometheus_*.deb >/dev/null 2>&1 || apt-get download -qq prometheus || \
	    { apt-get update -qq && apt-get download -qq prometheus; }; } && \
	  dpkg-deb --extract prometheus_*.deb prometheus && mv prometheus/usr/bin/$(@F) $(abspath $@); \
	fi

.PHONY: deployment
deployment: setup $(BIN)/promtool ## Check the files of deploy/ with the tools that they are for, and run what compose runs
	$(BIN)/python -m pytest tests/deployment/check_*.py

# The wheel, its dependencies' hashes, and nothing else: what the image is made from.
BUILDER ?= $(firstword $(foreach tool,docker podman buildah,$(if $(shell command -v $(tool)),$(tool))))
.PHONY: image
image: dist ## Build the image fhirexport:VERSION with docker, podman or buildah (BUILDER, IMAGE_OPTIONS)
	rm -rf build/image && mkdir -p build/image
	cp dist/fhirexport-*.whl requirements/server.lock deploy/container/Dockerfile build/image/
	$(BUILDER) build $(if $(filter docker,$(BUILDER)),,--format docker) $(IMAGE_OPTIONS) --tag fhirexport:$$($(BIN)/hatchling version) build/image

.PHONY: examples
examples: setup ## Run each program of examples/ against a real server; needs jq and Node.js
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal tests/examples/check_*.py

.PHONY: site
site: setup ## Build the site of the documentation into build/site/html, from docs/ and the protos; a broken link fails it
	$(BIN)/python docs/site/build.py

.PHONY: pooler
pooler: setup $(BIN)/pgbouncer ## Export and import through a real PgBouncer in transaction mode
	$(BIN)/python -m pytest tests/store/check_pooler.py

# PgBouncer is in no package index either. It is taken out of its package with two libraries, and nothing is installed.
$(BIN)/pgbouncer: | $(VENV)/.ready
	@if command -v pgbouncer >/dev/null; then ln -s "$$(command -v pgbouncer)" $@; else \
	  mkdir -p build/debian && cd build/debian && { apt-cache show pgbouncer >/dev/null 2>&1 || apt-get update -qq; } && \
	  apt-get download -qq pgbouncer $$(apt-cache depends pgbouncer | sed -n 's/.*Depends: \(lib\(c-ares\|event\)[^ ]*\)$$/\1/p') && \
	  for package in pgbouncer_*.deb libc-ares*.deb libevent*.deb; do dpkg-deb --extract "$$package" pgbouncer; done && \
	  mkdir -p $(abspath $(VENV))/lib/pgbouncer && \
	  mv pgbouncer/usr/sbin/pgbouncer pgbouncer/usr/lib/*/lib*.so.* $(abspath $(VENV))/lib/pgbouncer/ && \
	  printf '#!/bin/sh\nhere=$$(dirname "$$0")/../lib/pgbouncer\nLD_LIBRARY_PATH="$$here" exec "$$here/pgbouncer" "$$@"\n' >$(abspath $@) && \
	  chmod +x $(abspath $@); \
	fi

check: lint types ## Everything that is checked without running the suite

lint: setup ## ruff, import-linter, buf
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf format --diff --exit-code protos
	PATH="$(CURDIR)/$(BIN):$$PATH" python protos/generate.py build build/api.binpb
	cd protos && ../$(BIN)/buf lint ../build/api.binpb --path fhirexport --config buf.yaml
	cd protos && ../$(BIN)/buf breaking ../build/api.binpb --against released.binpb --path fhirexport --config buf.yaml

format: setup ## Format the code and the protos
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/buf format --write protos

types: setup ## mypy, strict
	$(BIN)/mypy

proto: setup ## Generate client/fhirexport/v1 from the protos
	PATH="$(CURDIR)/$(BIN):$$PATH" python protos/generate.py client
	$(BIN)/python deploy/descriptors.py deploy/fhirexport.binpb

.PHONY: schema
schema: setup ## Make docs/schema.md, the data dictionary, from store/schema
	$(BIN)/python -m fhirexport_server.store.schema.page docs/schema.md

prove: setup ## Write, read and break things, a minute on each database and each kind of Redis: no read may lack a write, or differ from a full rendering
	$(VERIFY) verification.prove.run --seconds 60
	$(VERIFY) verification.prove.run --seconds 60 --database sqlite
	$(VERIFY) verification.prove.run --seconds 60 --redis sentinel
	$(VERIFY) verification.prove.run --seconds 60 --redis cluster

.PHONY: cluster
cluster: setup $(BIN)/pgbouncer ## Kill, freeze and fail over servers, PostgreSQL, PgBouncer and Redis, over 100 times: no read may lack a write
	$(VERIFY) verification.cluster.run
	$(VERIFY) verification.cluster.run --redis cluster

siege: setup ## Attack a server for a minute, with well-behaved callers beside: its memory, their times; GUARDED=1 with TLS
	$(VERIFY) verification.siege.run --seconds 60 $(if $(GUARDED),--guarded)

.PHONY: advisories
advisories: setup ## Compare what is locked with requirements/advisories.json, which must be looked after; no network
	PYTHONPATH=tests $(BIN)/python -m package.advisories

.PHONY: fuzz
fuzz: setup ## Fuzz what comes from outside, ten minutes a target: requests, syncs, imports, credentials, what Redis holds
	$(VERIFY) verification.fuzz.run $(if $(SECONDS),--seconds $(SECONDS))

mutants: setup ## Take each safeguard of the cache away, and see that a test notices
	$(VERIFY) verification.mutants.run

kills: setup ## Kill servers in imports, 200 times on each database, two thirds of them at the commit or the answer
	$(VERIFY) verification.kills.run

.PHONY: audits
audits: setup ## Kill servers under exports, 200 times: of all that clients received, the audit trail must have the line
	$(VERIFY) verification.audit.run

watches: setup ## Measure how long after a commit 1 to 1,000 watchers hear of it, and what they cost the database
	$(VERIFY) verification.watches.run

mirror: setup ## Bring mirrors up to date 5,000 times on each database, while servers, Redis, connections and programs die
	$(VERIFY) verification.mirror.run

rolling: setup ## Restart servers, and the processes of one, under 200 calls a second: no call may fail
	$(VERIFY) verification.rolling.run
	$(VERIFY) verification.rolling.run --servers 1 --workers 2 --ways roll

.PHONY: upgrade
upgrade: setup ## Upgrade from the last tag, or FORMER=ref, on each database, under writers and readers: no read may lack a write; needs the history
	$(VERIFY) verification.upgrade.run $(if $(FORMER),--former $(FORMER))
	$(VERIFY) verification.upgrade.run $(if $(FORMER),--former $(FORMER)) --database sqlite

hostile: setup ## Import 1,000 NDJSON of hostile shapes, and see how large the process gets
	$(VERIFY) verification.growth.hostile

.PHONY: millions
millions: setup ## Export an EJ of 2,000,000 stays and 10,000,000 movements, and see how much the server grows; takes an hour
	$(VERIFY) verification.growth.millions

bench: setup ## Measure ours beside the floor and the naive way, in one run; PART=hits a part of it
	$(VERIFY) verification.bench.run $(PART)

.PHONY: bench-compare
bench-compare: setup ## Measure hits here beside those of BASE=ref: what is slower, what faster, what noise
	$(VERIFY) verification.bench.compare $(BASE)

conformance: setup ## Validate every export with independent FHIR validators, import FR Core's examples, where they are
	$(VERIFY) verification.conformance.examples
	$(VERIFY) verification.conformance.exports
