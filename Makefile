# make up BOOK=path/to/docs    install, start everything, read the book, print the address to chat at
# make test                    install what the tests need, run them all
#
# Every setting (docs/settings.md) can be given here: make up PORT=8000 SITE_URL=https://example.github.io

PYTHON ?= python3.11
BIN := .venv/bin
UV := $(shell command -v uv 2> /dev/null)

# BOOK is short for the setting BOOK_SOURCE.
ifdef BOOK
export BOOK_SOURCE := $(BOOK)
endif

.PHONY: up plan ingest test check bench reference lock clean
.DELETE_ON_ERROR:
.SILENT:

up: .venv/installed
	exec $(BIN)/python -m flows.launch

plan ingest: .venv/installed
	exec $(BIN)/python -m flows $@

test: .venv/installed-dev
	exec $(BIN)/pytest -n 2 --dist loadgroup $(TESTS)

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: .venv/installed-dev
	exec $(BIN)/python -m tests.benchmarks

reference: .venv/installed
	$(BIN)/python -m shared.settings_reference
	$(BIN)/python -m server.operating_reference

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

clean:
	rm -rf .venv .data .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# Stamps: installing again is one look at two dates.
.venv/installed: requirements.txt
	echo "Installing into .venv (once; a minute or two) ..."
	$(call make_venv)
	$(call install,-r requirements.txt)
	DATA_DIR=.data $(BIN)/python -m flows.vocabulary
	touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	echo "Installing what the tests need ..."
	$(call install,-r requirements.txt -r requirements-dev.txt)
	touch $@

ifdef UV
make_venv = test -x $(BIN)/python || $(UV) venv --quiet --seed --python 3.11 .venv
install = $(UV) pip install --quiet --python $(BIN)/python --require-hashes $(1)
else
make_venv = test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "Python 3.11 with its venv module is needed (PYTHON=...)." >&2; exit 1; }
install = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes $(1)
endif
