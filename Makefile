# Everything here needs only what `make setup` installs. `make help` lists the targets.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup test test-backups test-conformance check demo demo-check stop bench lock clean

PYTHON := .venv/bin/python
UPKEEP := .venv/bin/upkeep

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; \
	do printf '  make %-17s %s\n' "$$target" "$$text"; done

setup: ## Build .venv from the lock and install the sandbox's programs, as far as allowed
	@scripts/setup

demo: setup ## Start the sandbox and Airflow, run every daily routine once, show the findings, leave the UI running
	@$(UPKEEP) demo

stop: ## End everything that `make demo` started, and nothing else
	@if [ -x $(UPKEEP) ]; then $(UPKEEP) stop; else echo "nothing to stop: there is no .venv"; fi

demo-check: setup ## Like demo, then stop; the exit status says whether every run ended as expected
	@$(UPKEEP) demo --check

test: setup ## Run the tests (TESTS="tests/catalog -k limits" picks some)
	@$(PYTHON) -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder $(TESTS)

test-backups: setup ## The tests of backups that `test` leaves out: the real programs, killed and starved
	@UPKEEP_TEST_BACKUPS=1 $(PYTHON) -m pytest --numprocesses 2 --dist loadscope \
		$(or $(TESTS),tests/backups --ignore tests/backups/jobs --ignore tests/backups/retention)

test-conformance: setup ## The same against a real Kubernetes API and Kafka broker (docs/conformance.md)
	@$(PYTHON) -m tests.conformance $(TESTS)

check: setup ## Lint, formatting, types, import contracts
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: setup ## Measure speed and memory against their targets, into build/bench.json
	@$(PYTHON) -m bench

lock: ## Write requirements*.txt from pyproject.toml (UPGRADE=1 takes newer versions)
	@UPGRADE=$(UPGRADE) scripts/lock

clean: stop ## Stop, then remove what was built: .venv, the sandbox's and the demo's state, caches
	@rm -rf .venv .upkeep build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
