# Every way to run, test and measure Slipway from this checkout. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export UV_PROJECT_ENVIRONMENT ?= .venv
# Every process would otherwise compile Django anew where a machine's image sets this.
unexport PYTHONDONTWRITEBYTECODE
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/slipway
UV := $(or $(shell command -v uv),$(CACHE)/uv/bin/uv)
PYTHON := $(UV_PROJECT_ENVIRONMENT)/bin/python
PORT ?= 8000
COUNT ?= 100
SEED ?= 0

.PHONY: help preflight run reset test test-fast lint format cluster bench bench-schemas bench-ci faults docs screenshots \
	conformance-ci conformance-health conformance-promql conformance-schemas frontend backup-test clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1m%-24s\033[0m %s\n", "make " $$1, $$2 }' $(MAKEFILE_LIST)

preflight: ## Say which programs are missing on this machine, and how to get each
	@deploy/preflight

# ---- what the other commands stand on -------------------------------------------------------

$(CACHE)/uv/bin/uv:
	@deploy/preflight python
	@python3.11 -m venv $(CACHE)/uv && $(CACHE)/uv/bin/pip install -q uv

# Runtime packages only: what `make run` needs.
.venv/.runtime: uv.lock pyproject.toml | $(UV)
	@deploy/preflight quiet
	@echo "installing Python packages from uv.lock …"
	@$(UV) sync -q --frozen --inexact --no-default-groups --extra local
	@touch $@

.venv/.everything: uv.lock pyproject.toml | $(UV)
	@deploy/preflight quiet
	@$(UV) sync -q --frozen --all-extras --group dev
	@touch $@ .venv/.runtime

static/dist/.built: $(wildcard package.json package-lock.json) $(shell find frontend -type f 2>/dev/null)
	@deploy/frontend
	@mkdir -p static/dist && touch $@

frontend: static/dist/.built ## Build the style sheet and the scripts of the pages

# ---- run ------------------------------------------------------------------------------------

run: .venv/.runtime static/dist/.built ## Run everything in one process on http://localhost:8000 (PORT=)
	@SLIPWAY_EMBEDDED=1 SLIPWAY_BASE_URL=$${SLIPWAY_BASE_URL:-http://localhost:$(PORT)} \
		exec $(PYTHON) manage.py run --port $(PORT)

reset: ## Forget the data of `make run`: database, repositories, keys
	@rm -rf .slipway && echo "Gone. The next 'make run' starts afresh."

cluster: .venv/.everything ## Run a real Kubernetes control plane on loopback until Ctrl-C
	@exec $(PYTHON) -m deploy.testbed.control_plane run .slipway/cluster

# ---- prove ----------------------------------------------------------------------------------

test: .venv/.everything static/dist/.built ## Run every test; builds and starts the servers it needs
	@deploy/run-tests

test-fast: .venv/.everything ## Run the quick loop: SQLite, simulated cluster, moto in process
	@$(PYTHON) -m pytest -q -n 2 --dist loadfile -m "not cluster and not browser and not servers and not slow"

lint: .venv/.everything ## Check style, types, import contracts, templates, migrations and locks
	@deploy/lint

format: .venv/.everything ## Rewrite what the linters can repair
	@.venv/bin/ruff check -q --fix . && .venv/bin/ruff format -q .

bench: .venv/.everything ## Measure the environment list and `decide` against a bare floor, as ratios
	@$(PYTHON) -m bench.environment_list
	@$(PYTHON) -m bench.decide

bench-schemas: .venv/.everything ## Measure the schema registry on PostgreSQL, beside peers and bare floors
	@$(PYTHON) -m bench.registry

bench-ci: .venv/.everything ## Measure pipelines: on this machine beside gitlab-ci-local, and the server's runner
	@$(PYTHON) -m bench.pipelines

faults: .venv/.everything ## Create COUNT=100 environments, then run pipelines, while processes are killed (SEED=); audit
	@$(PYTHON) -m deploy.faults --count $(COUNT) --seed $(SEED)
	@$(PYTHON) -m deploy.pipeline_faults --kills $(COUNT) --seed $(SEED)

docs: .venv/.everything ## Write the reference pages of docs/ anew from the code
	@$(PYTHON) manage.py reference_docs

screenshots: .venv/.everything static/dist/.built ## Take the pictures in docs/ of every page
	@SLIPWAY_TEST_SCREENSHOTS=1 $(PYTHON) -m pytest -q -p no:xdist tests/browser -k screenshots

conformance-schemas: .venv/.everything ## Compare schema verdicts and the registry with vectors (VECTORS=DIR)
	@$(PYTHON) manage.py conformance_schemas $(VECTORS)

conformance-ci: .venv/.everything ## Compare CI files with cases (VECTORS=DIR; without it, our own)
	@$(PYTHON) -m pipelines.conformance $(or $(VECTORS),tests/pipelines/corpus)

conformance-promql: .venv/.everything ## Compare PromQL answers with a real Prometheus' on the same samples
	@$(PYTHON) -m tests.monitoring.promql.conformance

conformance-health: .venv/.everything ## Compare health judgements with the published vectors
	@$(PYTHON) -m pytest -q tests/gitops -k health

clean: ## Remove what was built in this checkout (not the caches)
	@rm -rf .venv node_modules static/dist .mypy_cache .ruff_cache .pytest_cache htmlcov
