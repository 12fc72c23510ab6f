# make run: a demo vault, asked by an assistant.   make test: everything CI runs.   GPU=1 picks faiss-gpu.
PYTHON ?= python3
EXTRA  := $(if $(GPU),gpu,cpu)
BIN    := .venv/bin
NODE   := $(if $(shell command -v npm),$(addsuffix /node_modules/.package-lock.json,tests/conformance tests/extension) extension)
SOURCE := plugins/browser
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_QUIET ?= 1

.PHONY: run test lint bench torture docs vectors extension clean

run: .venv/run-$(EXTRA)
	@$(BIN)/ownvault demo --directory .demo

test: .venv/test-$(EXTRA) $(NODE) lint
	$(BIN)/python -m pytest -m "not torture" -n auto --dist loadfile

# The browser extension, for both browsers, in plugins/browser/built; the wheel carries it.
extension: $(SOURCE)/built/chromium/manifest.json

lint: .venv/test-$(EXTRA)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	MYPYPATH=plugins/importers $(BIN)/mypy plugins/importers/*.py

bench: .venv/test-$(EXTRA)
	$(BIN)/python -m bench

torture: .venv/test-$(EXTRA)
	$(BIN)/python -m pytest -m torture

docs: .venv/test-$(EXTRA)
	$(BIN)/python -m vault.cli.reference > docs/cli.md

vectors: .venv/test-$(EXTRA)
	$(BIN)/python -m tests.store.vectors
	$(BIN)/python tests/permissions/permission_vectors.py

# torch comes first and alone: with the exact pin pip takes the CPU wheel where one is offered, and nothing after it asks again.
.venv/run-%: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"ownvault needs Python 3.11 to 3.13; this is {v.major}.{v.minor}. Name another: make run PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing (a few minutes the first time) ..."
	@$(BIN)/pip install -c constraints.txt "torch==2.13.0"
	@$(BIN)/pip install -c constraints.txt -e ".[$*]"
	@touch $@

.venv/test-%: .venv/run-%
	@$(BIN)/pip install -c constraints.txt -e ".[$*,test]"
	@touch $@

# The protocol's conformance suite and Inspector, what builds the extension, what checks its manifest; without npm their
# tests are skipped, except in CI.
%/node_modules/.package-lock.json: %/package-lock.json
	@echo "installing what $* needs ..."
	@cd $* && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(SOURCE)/built/chromium/manifest.json: $(SOURCE)/node_modules/.package-lock.json $(SOURCE)/build.mjs \
		$(wildcard $(SOURCE)/manifest*.json) $(shell find $(SOURCE)/src -type f)
	@cd $(SOURCE) && npm run --silent build

clean:
	rm -rf .venv .demo build dist tests/*/node_modules $(SOURCE)/node_modules $(SOURCE)/built
