# make demo: the built-in example from end to end.   make test: linters and all tests.
# Each makes its own virtual environment in .venv and installs what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
QT_APIS ?= pyqt5 pyqt6
XVFB := xvfb-run -a -s "-screen 0 1600x1000x24"

.PHONY: demo test lint typecheck clean

demo: $(VENV)/.demo
	@bash scripts/system_libraries.sh || echo "Going on without a window."
	$(BIN)/seco demo --dir demo

test: $(VENV)/.test lint typecheck
	bash scripts/system_libraries.sh
	$(BIN)/python -m pytest -m "not gui"
	set -e; for api in $(QT_APIS); do echo "windows with $$api"; \
	  QT_API=$$api PYTEST_QT_API=$$api $(XVFB) $(BIN)/python -m pytest -m gui; done

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(VENV)/.test
	$(BIN)/mypy

$(VENV)/bin/python:
	bash scripts/system_libraries.sh || true
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "SeCo Viewer needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[pyqt5]"
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[pyqt5,pyqt6,cluster,dev]"
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) demo build dist
