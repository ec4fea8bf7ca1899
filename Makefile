# Two commands: `make demo` and `make test`. Each makes .venv when it is missing and installs the locked set.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# One process more than cores: runs wait for servers. tests/conftest.py has the order.
SPREAD := -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-all bench docs viewer clean

demo: .venv/run.stamp
	$(BIN)/deidflow demo demo

test: .venv/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(SPREAD)

test-all: .venv/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,dask,tools]"
	DEIDFLOW_TEST_ALL=1 $(BIN)/python -m pytest $(SPREAD)

bench: .venv/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"
	$(BIN)/python benchmarks/headers.py
	$(BIN)/python benchmarks/rerun.py
	PYTHONPATH=. $(BIN)/python benchmarks/throughput.py
	PYTHONPATH=. $(BIN)/python benchmarks/orchestration.py

# The 3-D viewer of the review page, from npm by its lock file; `pip wheel .` does the same where there is npm.
viewer: deidflow/review/web/niivue.umd.js

deidflow/review/web/niivue.umd.js: deidflow/review/web/package-lock.json
	cd deidflow/review/web && npm ci --omit=optional --ignore-scripts --no-audit --no-fund
	cp deidflow/review/web/node_modules/@niivue/niivue/dist/niivue.umd.js $@
	rm -rf deidflow/review/web/node_modules

docs: .venv/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "deidflow needs Python 3.11, 3.12 or 3.13; install one or name it: make PYTHON=..."; exit 3; }
	$(PYTHON) -m venv .venv

.venv/run.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/test.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@ .venv/run.stamp

.venv/docs.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	touch $@ .venv/run.stamp

clean:
	rm -rf .venv demo site
