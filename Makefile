# make demo   set up, train on the embedded digits, say where the report is
# make test   set up, run the tests         make coverage   the same, and which lines they reach: an eighth slower
# make images       the pictures of the README anew
# make lint types   what else CI checks        make lock   pin the newest versions that pyproject.toml allows

# Tests start many processes; none of them should have to compile the package again.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test coverage images lint types format lock clean

demo: .venv/run
	$(BIN)/rcmvae train configs/digits.yaml

PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: .venv/dev
	$(PYTEST)

coverage: .venv/dev
	$(PYTEST) --cov --cov-report=term

images: .venv/run
	$(BIN)/python docs/images/make.py

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/pyright

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/dev
	$(BIN)/uv pip compile -q --universal --no-header --upgrade -c requirements/tested.txt pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --no-header --upgrade --group dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "rcmvae needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/run: .venv/python requirements/run.txt pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/run.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

.venv/dev: .venv/run requirements/dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/dev.txt
	@touch $@

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis .coverage* htmlcov
