# GNU make. Everything lives in .venv; a step is instant while setup.cfg and pyproject.toml stay as they are.

# The Python that makes .venv: 3.11 or later.
PYTHON ?= python3
# How many tests run at once.
WORKERS ?= auto
# Passed on to netforge by `make run`, to pytest by `make test`: make test ARGS="-k echo".
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check
# A stamp stands for what is installed: netforge alone, with the test extra, with the dev extra.
INPUTS := setup.cfg pyproject.toml | $(BIN)/pip

.DEFAULT_GOAL := help
.PHONY: help install run showcase test test-reactor conform-tls conform-web soak bench lint docs check clean
# The targets share .venv. What takes long, the tests, runs in parallel by itself.
.NOTPARALLEL:

help:  ## print the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18

install: .venv/.installed  ## create .venv and install netforge there

run: install  ## run the lab: every service, on loopback and high ports (ARGS: those of netforge run)
	@exec $(BIN)/netforge run $(ARGS)

showcase: .venv/.installed-test  ## run the examples of the web: Flask, Django, Starlette, Tornado and others at once
	$(BIN)/python docs/examples/django_site/manage.py migrate -v 0
	$(BIN)/python docs/examples/django_site/manage.py collectstatic --no-input -v 0
	@exec $(BIN)/netforge run docs/examples/showcase.toml $(ARGS)

test: .venv/.installed-test  ## run all tests (ARGS: pytest's; WORKERS: how many at once)
	$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup $(ARGS)

lint: .venv/.installed-dev  ## check style, types and import contracts
	$(BIN)/ruff check -q
	$(BIN)/ruff format -q --check
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-logo

test-reactor: .venv/.installed-test  ## run Twisted's reactor tests on ours and on epoll, and compare
	@$(BIN)/python tests/reactor/conformance.py

conform-tls: .venv/.installed-test  ## judge the TLS that listeners speak by testssl.sh (Debian's package)
	@$(BIN)/python tests/shared/certificates/conformance.py

conform-web: .venv/.installed-test  ## judge the web by h2spec, h2load, curl, slowhttptest and Chromium, as far as they are here
	@$(BIN)/python -m tests.protocols.http.conformance $(ARGS)

soak: .venv/.installed-test  ## run for longer what the tests run for short: simulated networks, and kill -9
	SCENARIOS=1000 MOMENTS=200 EXAMPLES=2500 $(BIN)/pytest -q -n $(WORKERS) tests/testing/network/test_determinism.py \
	    tests/shared/database/test_durability.py tests/shared/files/test_crash.py tests/shared/test_durable.py \
	    tests/protocols/http/test_grammar.py

bench: .venv/.installed-bench  ## measure against peers (CASES, PEERS, JSON=FILE, CHART=FOLDER, ROUNDS, SECONDS, QUICK=1)
	@exec $(BIN)/python -m bench $(CASES) $(PEERS:%=--peer %) $(if $(QUICK),--quick) $(ROUNDS:%=--rounds %) \
	    $(SECONDS:%=--seconds %) $(JSON:%=--json %) $(CHART:%=--chart %)

docs: .venv/.installed-dev  ## build the documentation in docs/_build/html; warnings are errors
	$(BIN)/sphinx-build -q -W --keep-going docs docs/_build/html

check: lint docs test test-reactor  ## everything that CI checks

clean:  ## remove .venv and whatever else was generated
	rm -rf .venv docs/_build twisted/plugins/dropin.cache
	rm -rf build dist *.egg-info plugins/*/build plugins/*/dist plugins/*/*.egg-info
	rm -rf .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip is what venv installs last: it is there only in a complete environment.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo 'netforge needs Python 3.11 or later, and $(PYTHON) is not: try make PYTHON=python3.11'; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.installed: $(INPUTS)
	$(PIP) -e .
	@touch $@

.venv/.installed-bench: $(INPUTS)
	$(PIP) -e '.[bench]'
	@touch .venv/.installed $@

.venv/.installed-test: $(INPUTS)
	$(PIP) -e '.[test]'
	@touch .venv/.installed .venv/.installed-bench $@

.venv/.installed-dev: $(INPUTS)
	$(PIP) -e '.[dev]'
	@touch .venv/.installed .venv/.installed-bench .venv/.installed-test $@
