# Two commands set up everything and do one thing each: `make demo` and `make test`.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
OUTPUT ?= demo

.PHONY: demo test slow check docs wheel nano clean

demo: $(VENV)/ready  ## Teach a tiny Phi Turkish and Japanese, offline, and score it
	$(BIN)/newtongue demo --output $(OUTPUT) --overwrite

test: $(VENV)/ready  ## Run the fast tests
	$(BIN)/pytest -n 2

slow: $(VENV)/ready  ## Run the tests that train or run whole jobs
	$(BIN)/pytest -m slow

check: $(VENV)/ready  ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/ready  ## Build the documentation into build/docs
	$(BIN)/sphinx-build -q -W docs build/docs

wheel: $(VENV)/ready  ## Build the wheel into dist/
	$(BIN)/python -m build --wheel

nano: $(VENV)/ready  ## Make phi-nano, the demo's base, again (about half an hour on two cores)
	$(BIN)/python -m newtongue_recipes.demo.nano

clean:  ## Remove the environment and what was built
	rm -rf $(VENV) dist build

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev,baselines]"
	touch $@
