# make demo   the main job from end to end, against an offline world on this machine
# make test   all tests that this machine can run
# make check  what CI checks: format, lint, types, tests
# make docs   renew the generated pages and the pictures in docs/images (these need Chromium)
# make explore  property tests with new and more examples; what it finds becomes a test or a mend
# make golden renew the examples of the mappings; read the difference before you commit it
# make words  renew the catalogues of the sentences that people read about stops and alarms
# make equality  how equal the compiled rules are to the official ones, pack by pack (see tests/equality_page.py)
# make interop  our access point against phase4, in both directions (see tests/interop/README.md)
# make bench  how fast it is, and where the time goes

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test explore check bench interop equality docs golden words format clean

demo: $(READY)
	@$(BIN)/gateway demo

test: $(READY)
	@$(BIN)/pytest -n auto

explore: $(READY)
	@GATEWAY_HYPOTHESIS=explore $(BIN)/pytest -n auto -m hypothesis

check: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/pytest -n auto

bench: $(READY)
	@$(BIN)/python -m tests.benchmarks

interop: $(READY)
	@$(BIN)/pytest tests/interop

equality: $(READY)
	@$(BIN)/python -m tests.equality_page

docs: $(READY)
	@$(BIN)/python -m tests.coverage_page
	@GATEWAY_SCREENSHOTS=docs/images $(BIN)/pytest -q tests/browser/test_screenshots.py

golden: $(READY)
	@$(BIN)/python -m tests.golden

words: $(READY)
	@$(BIN)/python -m tests.words

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name one with: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (once; a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)
