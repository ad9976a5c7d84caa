# Two commands do everything: `make run` and `make test`. `make help` lists the rest, `.venv/bin/lifecycle --help` more.
PYTHON  ?= python3.11
BIN     := .venv/bin
# The script `lifecycle` of the same environment, which needs no path to be installed on.
LIFECYCLE := $(BIN)/python -m orchestration.cli
COMPILE := --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras --quiet
# A file stays on one core, so that its tests share what they set up; the long files of whole runs come first.
TWO_CORES := -n 2 --dist loadfile --no-loadscope-reorder
# Without COMPANY the environment decides, then the file .env, then it is the sample company.
ifdef COMPANY
export LIFECYCLE_COMPANY := $(COMPANY)
endif
ONE_COMPANY := $(or $(COMPANY),$(LIFECYCLE_COMPANY),sample)

.PHONY: help setup system-packages run ui docs env metrics metrics-page features features-page feast-export test-feast diff-definition scenario compare-warehouses training-set status doctor test test-fast results lint types format manifest requirements clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

# Standard output is the target's: a shell evaluates that of `make env`, which may be the first to install.
.venv/bin/python:
	@$(PYTHON) -m venv .venv >&2

.venv/.run: requirements/run.txt pyproject.toml | .venv/bin/python
	@echo "Installing the pinned packages (once, one to three minutes) ..." >&2
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/run.txt >&2
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . >&2
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.run
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

setup: .venv/.run  ## create the environment from the hash-pinned requirements

run: .venv/.run  ## land, transform, train, predict and publish for COMPANY (default: sample), then print a summary
	@$(LIFECYCLE) run

ui: .venv/.run  ## Dagster and MLflow UIs for COMPANY on loopback; Ctrl-C stops both
	@$(LIFECYCLE) ui

docs: .venv/.run  ## dbt's documentation of COMPANY's tables as one page, and where its Data Docs are
	@$(LIFECYCLE) docs

env: .venv/.run  ## shell exports for Dagster's own commands: eval "$$(make env)", then dg dev, dg launch ...
	@$(LIFECYCLE) env

metrics: .venv/.run  ## every metric of COMPANY: definition, owner, newest value
	@$(LIFECYCLE) metrics

metrics-page: .venv/.run  ## write docs/metrics.md and the macro of the formulas from the definitions
	@$(BIN)/python -m orchestration.metrics.metrics_page
	@$(BIN)/python -m orchestration.metrics.metric_formulas

features: .venv/.run  ## every feature of COMPANY: meaning, owner, freshness, missing values, drift
	@$(LIFECYCLE) features

features-page: .venv/.run  ## write docs/features.md from the declarations
	@$(BIN)/python -m orchestration.reports.features_page

diff-definition: .venv/.run  ## what another definition does: SETTING=windows.grace_days TO=0 [FROM=60]
	@$(if $(and $(SETTING),$(TO)),,$(error Name a setting and its other value: make $@ SETTING=windows.grace_days TO=0))
	@$(BIN)/python -m orchestration.reports.definition_diff '$(SETTING)' --to '$(TO)' $(if $(FROM),--from '$(FROM)')

scenario: .venv/.run  ## revenue under other churn, win rate or leads: CHURN=+10 WIN=-5 LEADS=+20 (per cent), or the named ones
	@$(LIFECYCLE) scenario $(if $(CHURN),--churn='$(CHURN)') $(if $(WIN),--win='$(WIN)') $(if $(LEADS),--leads='$(LEADS)')

compare-warehouses: .venv/.run  ## what differs between the marts of two warehouse files: OLD=... NEW=...
	@$(if $(and $(OLD),$(NEW)),,$(error Name two warehouse files: make $@ OLD=before.duckdb NEW=var/$(ONE_COMPANY)/warehouse.duckdb))
	@$(BIN)/python -m orchestration.reports.warehouse_diff '$(OLD)' '$(NEW)' || test $$? -eq 1  # 1: they differ, no failure

training-set: .venv/.run  ## what COMPANY's models learned from, and whether it can be made again: HASH=... (without: a list)
	@$(LIFECYCLE) training-set $(HASH) || test $$? -eq 2  # 2: made differently now, no failure

test: system-packages .venv/.dev .venv-feast/.done  ## the whole test suite, on two cores
	$(BIN)/python -m pytest $(TWO_CORES)

system-packages:  ## PostgreSQL and Chromium for the tests that run them; says what to install where it may not
	@sh .ci/system-packages.sh

test-fast: .venv/.dev  ## without the tests marked slow
	$(BIN)/python -m pytest -m "not slow" $(TWO_CORES)

results: .venv/.dev  ## run every benchmark and every company (or NAMES="companies clv ...") and write docs/results
	$(BIN)/python -m benchmarks.results $(NAMES)

lint: .venv/.dev  ## ruff, mypy --strict, import-linter, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt_project/models dbt_project/tests

format: .venv/.dev  ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv-feast/.done: requirements/feast.txt | .venv/.run
	@echo "Installing Feast beside the pipeline (once, half a minute) ..."
	$(BIN)/python -m venv --without-pip --clear .venv-feast
	$(BIN)/python -m pip --python .venv-feast/bin/python install --quiet --no-deps --no-compile --require-hashes -r requirements/feast.txt
	@touch $@

feast-export: .venv/.run  ## COMPANY's features as a Feast repository: FOLDER=...
	@$(if $(FOLDER),,$(error Name a folder: make $@ FOLDER=feature_repo))
	@$(BIN)/python -m orchestration.reports.feast_export '$(FOLDER)'

test-feast: .venv/.dev .venv-feast/.done  ## the exported repository in Feast itself
	$(BIN)/python -m pytest tests/integration/test_feast.py

requirements:  ## compile the pinned requirements anew (needs uv); run and dev agree on every shared package
	uv pip compile pyproject.toml --extra build --extra dev $(COMPILE) -o requirements/dev.txt
	uv pip compile pyproject.toml --extra build --constraints requirements/dev.txt $(COMPILE) -o requirements/run.txt
	uv pip compile --group feast $(COMPILE) -o requirements/feast.txt

status: .venv/.run  ## how COMPANY stands: runs, snapshot, champions, failing checks, queue (`lifecycle --help` has more)
	@$(LIFECYCLE) status

doctor: .venv/.run  ## examine the installation and COMPANY's state, and say how to mend what is wrong
	@$(LIFECYCLE) doctor

clean: .venv/.run  ## remove COMPANY's state (warehouse, models, runs, snapshots); refused while a run is under way
	@$(LIFECYCLE) reset --yes
