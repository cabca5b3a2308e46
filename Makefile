# What people who maintain the template do. `make help` lists it.
SHELL := /bin/sh
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

PAYLOAD := {{cookiecutter.project_slug}}
DEMO := demo/research-project
SHOWN := $(or $(notdir $(wildcard $(EXAMPLE:%=examples/%/scripts/*))),2023-10-07-Covariance-Matrix-Prior-Investigation)
SNAKEFILES := '$(PAYLOAD)/scripts' src/labflake/starter examples
PYTHON ?= python3
BIN := .venv/bin
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo
demo: export GIT_AUTHOR_NAME := labflake
demo: export GIT_AUTHOR_EMAIL := labflake@example.org
demo: export GIT_COMMITTER_NAME := labflake
demo: export GIT_COMMITTER_EMAIL := labflake@example.org
demo:  ## Start a project from the template and build its sample report (EXAMPLE=iceberg: another).
	@mkdir -p $(DEMO)
	@find $(DEMO) -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
	@"$$(PYTHONPATH=src $(PYTHON) -m labflake.environment renderer)" --no-input --overwrite-if-exists --output-dir demo . >/dev/null
	@test -z '$(EXAMPLE)' || cp -R 'examples/$(EXAMPLE)/.' $(DEMO)
	@test -z '$(EXAMPLE)' || (cd $(DEMO) && git add --all && git commit --quiet --message 'Add the example')
	@test -z '$(EXAMPLE)' || $(MAKE) -C $(DEMO) env WITH='archives database s3'
	@$(MAKE) -C $(DEMO) EXPERIMENT=$(SHOWN)
	@echo
	@echo 'The report: $(DEMO)/generated/$(SHOWN)/outputs/report.pdf'

.PHONY: test
test: tools  ## Run the tests that take seconds (TESTS=tests/test_steps.py: those of one file, all of them).
	@$(BIN)/python -m pytest $(or $(TESTS),-m 'not long' $(PARALLEL))

.PHONY: test-all
test-all: test  ## Run the long tests, too: servers, clusters, containers, browsers, Nix, kills.
	@$(BIN)/python -m pytest -m long $(PARALLEL)

.PHONY: exactness
exactness: tools  ## Edit, kill and build at random, beside a model (COUNT=5000, EXACTNESS_SEED=…).
	@EXACTNESS=$(or $(COUNT),1000) EXACTNESS_SEED=$${EXACTNESS_SEED:-$$(date +%s)} $(BIN)/python -m pytest -n 2 tests/test_exactness.py

.PHONY: check
check: tools  ## Look at format, style and types of everything, the payload included; change nothing.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/snakefmt --check $(SNAKEFILES)
	@$(BIN)/mypy
	@if command -v shellcheck >/dev/null; then git ls-files -z '*.sh' | xargs -0 shellcheck; else echo 'shellcheck is not here: skipped'; fi
	@if command -v nix-instantiate >/dev/null; then git ls-files -z '*.nix' | xargs -0 nix-instantiate --parse >/dev/null; else echo 'Nix is not here: skipped'; fi

.PHONY: format
format: tools  ## Format everything.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/snakefmt $(SNAKEFILES)

.PHONY: lock
lock: tools  ## Lock the packages of the template and of its maintainers again.
	@$(BIN)/python maintenance/lock.py

.PHONY: wheel
wheel: tools  ## Build src/ into the wheel that the template brings, and lock it there.
	@$(BIN)/python maintenance/wheel.py

.PHONY: tools
tools:  ## Make .venv with all that the tests need, too.
	@PYTHONPATH=src $(PYTHON) -m labflake.environment --with=test

.PHONY: help
help:  ## Show the commands.
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "make %-9s %s\n", $$1, $$2 }'
