# Two commands for a newcomer: `make demo` and `make test`. Each sets up what it needs, in .venv beside this file.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m
WITH_ENGINE := PYTHON=$(abspath $(BIN)/python) .ci/engine run
# A worker for each core, as far as the container engine keeps up.
PYTEST_ARGS ?= -n auto --maxprocesses 4

.DEFAULT_GOAL := help
.PHONY: help demo test long lint bench truth soak fuzz ranges constraints docs clean

help:
	@echo "make demo    client certificates on a real nginx, in every verify mode (no root, no container engine)"
	@echo "make test    the whole suite; installs a browser and clients, and installs and starts a container engine, where it may"
	@echo "make long    what of the suite takes too long for every run"
	@echo "make truth   every credential, mode and situation on five generations of nginx, in both engines (minutes)"
	@echo "make soak    fifty tests over all modes, SOAK_RUNS=1000 times, in random order (an hour); stops at the first flake"
	@echo "make fuzz    the property-based tests with 3000 examples each (half an hour)"
	@echo "make ranges  the oldest and the newest of every dependency, in RANGES='3.10 3.13'"
	@echo "make constraints  write anew which versions make test uses: the newest that pyproject.toml allows"
	@echo "make docs    the documentation as a site, in docs/_build; a warning is an error"
	@echo "make lint    ruff and mypy"
	@echo "make bench   speed against the bare limit, as ratios"

$(VENV)/installed: pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or later is needed: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(RUN) pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[test]'
	@touch $@

demo: $(VENV)/installed
	@$(RUN) pytest_mtls demo

test: $(VENV)/installed
	@.ci/install browser compose faketime curl openssl golang nodejs java || [ -z "$$PYTEST_MTLS_REQUIRE_ENGINE" ]
	@.ci/registry $(BIN) || [ -z "$$PYTEST_MTLS_REQUIRE_ENGINE" ]
	@$(WITH_ENGINE) $(RUN) pytest $(PYTEST_ARGS)

long: $(VENV)/installed
	@.ci/install ssh || [ -z "$$PYTEST_MTLS_REQUIRE_ENGINE" ]
	@$(WITH_ENGINE) $(RUN) pytest $(PYTEST_ARGS) -m long

truth: $(VENV)/installed
	@$(WITH_ENGINE) $(RUN) tests.generations.truth

soak: $(VENV)/installed
	@$(WITH_ENGINE) $(RUN) tests.soak

fuzz: $(VENV)/installed
	@PYTEST_MTLS_HYPOTHESIS=fuzz $(RUN) pytest $(PYTEST_ARGS) tests/safety -k "hostile or lying"

RANGES ?= 3.10 3.13

ranges:
	@.ci/ranges $(RANGES)

constraints: $(VENV)/installed
	@$(RUN) pip install --quiet --disable-pip-version-check uv
	@.ci/constrain $(BIN)/uv

# Read afresh each time: parts of it come from the code.
docs: $(VENV)/installed
	@$(RUN) sphinx -b html --fresh-env --fail-on-warning --keep-going --quiet docs docs/_build
	@echo "docs/_build/index.html"

$(VENV)/linted: $(VENV)/installed
	@$(RUN) pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[test,lint]'
	@touch $@

lint: $(VENV)/linted
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy

$(VENV)/benchable: $(VENV)/installed
	@$(RUN) pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

bench: $(VENV)/benchable
	@$(WITH_ENGINE) $(RUN) benchmarks

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build dist docs/_build
