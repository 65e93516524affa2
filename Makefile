# make up BOOK=path/to/docs    install, start everything, read the book, print the address to chat at
# make test                    install what the tests need, run them all
# make test-fast               the same without those that start processes or a browser: under two minutes
#
# Every setting (docs/settings.md) can be given here: make up PORT=8000 SITE_URL=https://example.github.io

PYTHON ?= python3.11
BIN := .venv/bin
UV := $(shell command -v uv 2> /dev/null)

# BOOK is short for the setting BOOK_SOURCE.
ifdef BOOK
export BOOK_SOURCE := $(BOOK)
endif

.PHONY: up plan ingest test test-fast check bench figures audit sbom reference lock clean
.DELETE_ON_ERROR:
.SILENT:

up: .venv/installed
	exec $(BIN)/python -m flows.launch

plan ingest: .venv/installed
	exec $(BIN)/python -m flows $@

# A crashed process of tests ends the run: xdist 3.8 hangs in the end when it replaces one (its issues 1323 and 1378).
SIDE_BY_SIDE := -n 2 --dist loadgroup --max-worker-restart 0

test: .venv/installed-dev
	$(BIN)/python -m tests.install
	exec $(BIN)/pytest $(SIDE_BY_SIDE) $(TESTS)

test-fast: .venv/installed-dev
	exec $(BIN)/pytest $(SIDE_BY_SIDE) -m "not processes and not browser" $(TESTS)

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

# All of them, or one with what it takes: make bench BENCH=lateness ARGS="--rounds 3". What we are compared with is installed
# only here.
BENCH := streams lateness search widget splitting
bench: .venv-bench/installed
	$(if $(and $(ARGS),$(word 2,$(BENCH))),$(error ARGS are for one of them, e.g. BENCH=$(firstword $(BENCH))))
	for name in $(BENCH); do .venv-bench/bin/python -m tests.benchmarks.$$name $(ARGS) || exit; done

# What holds under load, faults and malice, into docs/figures.md: make figures ARGS="leaving sigterm", or ARGS=--short.
figures: .venv/installed-dev
	$(BIN)/python -m tests.install
	exec $(BIN)/python -m tests.figures $(ARGS)

# Known vulnerabilities of what is locked; asks the advisory database of PyPI, so it needs the internet. AUDIT="-s osv": OSV's.
audit: .venv-audit/installed
	exec .venv-audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.txt $(AUDIT)

# sbom.json: CycloneDX, from the lock. sbom-installed.json: what is installed in .venv, with licences.
sbom: .venv-audit/installed
	.venv-audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON -o sbom.json requirements.txt
	.venv-audit/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o sbom-installed.json .venv

reference: .venv/installed
	$(BIN)/python -m shared.settings_reference
	$(BIN)/python -m server.operating_reference
	$(BIN)/python -m server.api_reference

# Hashes make an install the same everywhere; no index address, so that any mirror serves. What is locked with an extra is listed
# without it too: pip takes the two for different projects, and refuses the newest release of the plain one for want of a hash.
lock:
	$(if $(UV),,$(error make lock needs uv))
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras \
		pyproject.toml --output-file requirements.txt
	awk '/^[^ ]/ { printf "%s%s", block, plain; block = plain = "" } \
		{ block = block $$0 "\n"; if (plain != "" || $$0 ~ /^[^ ]*\[/) { sub(/\[[^]]*\]/, ""); plain = plain $$0 "\n" } } \
		END { printf "%s%s", block, plain }' requirements.txt > requirements.tmp
	mv requirements.tmp requirements.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras \
		--constraint requirements.txt --group dev --output-file requirements-dev.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras \
		--constraint requirements.txt --group bench --output-file requirements-bench.txt
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras \
		--group audit --output-file requirements-audit.txt

clean:
	rm -rf .venv .venv-audit .venv-bench sbom.json sbom-installed.json .data .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# Stamps: installing again is one look at two dates.
.venv/installed: requirements.txt
	echo "Installing into .venv (once: about a minute, on a busy machine many) ..."
	$(call make_venv,.venv)
	$(call install,.venv,-r requirements.txt)
	echo "Fetching the tokenizer's vocabulary (12 MB) ..."
	DATA_DIR=.data $(BIN)/python -m flows.vocabulary
	touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	echo "Installing what the tests need ..."
	$(call install,.venv,-r requirements.txt -r requirements-dev.txt)
	touch $@

.venv-audit/installed: requirements-audit.txt .venv/installed
	echo "Installing what audits the requirements into .venv-audit ..."
	$(call make_venv,.venv-audit)
	$(call install,.venv-audit,-r requirements-audit.txt)
	touch $@

# LlamaIndex's nltk opens no hard-linked file.
.venv-bench/installed: export UV_LINK_MODE = copy
.venv-bench/installed: requirements-bench.txt .venv/installed
	echo "Installing what we are compared with into .venv-bench ..."
	$(call make_venv,.venv-bench)
	$(call install,.venv-bench,-r requirements.txt -r requirements-bench.txt)
	touch $@

ifdef UV
make_venv = test -x $(1)/bin/python || $(UV) venv --quiet --seed --python 3.11 $(1)
install = $(1)/bin/python -m flows.install $(1) $(UV) pip install --python $(1)/bin/python --require-hashes $(2)
else
make_venv = test -x $(1)/bin/python || $(PYTHON) -m venv $(1) || { echo "Python 3.11 with its venv module is needed (PYTHON=...)." >&2; exit 1; }
install = $(1)/bin/python -m flows.install $(1) $(1)/bin/python -m pip install --progress-bar off --disable-pip-version-check --require-hashes $(2)
endif
