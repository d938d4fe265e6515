# `make demo` and `make test` set themselves up; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
.DEFAULT_GOAL := help

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Kouan needs Python 3.11 or later; set PYTHON=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

.PHONY: help setup engine demo test chaos bench vectors proto docs lint format check lock clean
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(READY) ## install everything that is needed, pinned, into .venv

engine: $(READY) ## install CometBFT, the engine of many, at its pinned version: needs Go, or KOUAN_COMETBFT=/path/to/cometbft
	@$(BIN)/python -m kouan.engines.cometbft.node.binary 2>/dev/null || $(MAKE) --no-print-directory go-install
	@$(BIN)/python -m kouan.engines.cometbft.node.binary

.PHONY: go-install
go-install: $(READY)
	@command -v go >/dev/null || { echo "Go is missing, by which CometBFT is built. Install Go 1.21 or later (https://go.dev/dl/), or build CometBFT elsewhere and set KOUAN_COMETBFT to its path." >&2; exit 1; }
	GOBIN=$(abspath $(BIN)) GOFLAGS= go install $$($(BIN)/python -c 'from kouan.engines.cometbft.node.binary import PACKAGE; print(PACKAGE)')

demo: $(READY) ## a day of the port on the embedded engine
	$(BIN)/kouan demo

test: $(READY) ## every test, on both cores; those that need CometBFT are skipped where it cannot be installed
	@$(MAKE) --no-print-directory engine || echo "Going on without CometBFT: tests that need it say so and are skipped." >&2
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

chaos: engine ## 1,000 simulated days under the auditor's eyes, a server killed again and again, networks put through every fault (an hour)
	$(BIN)/python -m tests.simulation.chaos --seeds 1000 --processes 2
	$(BIN)/python -m tests.engines.chaos --rounds 50 --seed 1
	$(BIN)/python -m tests.network.chaos --rounds 3 --seed 1

bench: $(READY) engine ## what one command costs, beside PostgreSQL too, on a network of four, and how many frauds are found: tables, and JSON in bench/out
	$(BIN)/python -m bench.run
	$(BIN)/python -m bench.network

vectors: $(READY) ## make the vectors anew from the code
	$(BIN)/python -m tests.kernel.make_vectors
	$(BIN)/python -m tests.client.test_secret_vectors
	$(BIN)/python -m tests.client.test_paper_vectors
	$(BIN)/python -m tests.formats.test_fingerprints
	$(BIN)/python -m tests.evaluator.test_evaluator_vectors

proto: $(READY) ## generate the messages of CometBFT anew; needs Go and CometBFT's source in its module cache
	$(BIN)/python -m kouan.engines.cometbft.proto.generate

docs: $(READY) ## make the generated pages of the reference anew
	$(BIN)/python docs/generate.py

lint: $(READY) ## formatting, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## put the formatting right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: lint test ## what CI runs

lock: $(READY) ## pin every dependency with hashes
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --group dev pyproject.toml -o requirements.lock

clean: ## remove what was installed and built
	rm -rf $(VENV) dist build
