# make setup | demo | test | bench | bench-large | lint
.PHONY: setup demo test test-all bench bench-large bench-pages bench-worlds lint docs site clean help
unexport PYTHONDONTWRITEBYTECODE
export DO_NOT_TRACK := true

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.headroom-setup

help:            ## list the targets
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/: .*## /\t/' | expand -t 14

setup: $(STAMP)  ## make the virtual environment in .venv and install the project into it

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up .venv (once; about half a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup      ## simulate a customer base, train, score, and print the top 20
	@$(BIN)/headroom demo

test: setup      ## the tests that run on every change
	@$(BIN)/pytest -q -m "not scheduler and not slow and not bases" -n 2 --dist loadgroup

test-all: setup  ## every test, also Spark, Prefect's server, the run that waits for its cron and the shared customer bases
	@$(BIN)/pytest -q -n 2 --dist loadgroup

bench: setup     ## speed and memory, side by side with the peers
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[bench]'
	@$(BIN)/python -m tests.bench

bench-large: setup  ## the row of 100,000 accounts in docs/bench.md: an hour, 10 GB of disk
	@$(BIN)/python -m tests.bench --large

bench-pages: setup  ## the part about the pages in docs/bench.md: 100,000 accounts, 24 lists, ten readers; a quarter of an hour
	@$(BIN)/python -m tests.bench --only pages

bench-worlds: setup  ## docs/worlds.md: the list against an analyst's afternoon and the truth, on seven simulated bases; an hour
	@$(BIN)/python -m tests.bench.worlds

lint: setup      ## ruff and mypy
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

docs: setup      ## write the reference pages of docs/ from the code, and the picture of the demo's list (minutes)
	@$(BIN)/python -m flows.reference
	@$(BIN)/python -m tests.picture

site: setup      ## the pages of docs/ as a site, in site/; a broken link stops it
	@$(BIN)/mkdocs build

clean:           ## remove what the demo wrote
	rm -rf demo
