# The two commands of the README are `make demo` and `make test`; each sets everything up first.

VENV    := .venv
BIN     := $(VENV)/bin
PLUGINS := $(wildcard plugins/refund-gql-*)
UV      := $(BIN)/uv
WORKERS ?= 2

.PHONY: demo test soak bench lint format lock schema migration conformance clean

demo: $(VENV)/.ready
	$(BIN)/refund-gql demo

test: $(VENV)/.ready
	$(BIN)/python -m pytest -m "not soak" -n $(WORKERS) --dist loadfile

soak: $(VENV)/.ready
	$(BIN)/python -m pytest -m soak --timeout 7200

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy refund_gql tests benchmarks $(foreach p,$(PLUGINS),$(p)/src)
	$(foreach p,$(PLUGINS),$(BIN)/mypy $(p)/tests &&) true
	$(BIN)/lint-imports

format: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Versions and hashes, no addresses: works behind any mirror.
lock: $(UV)
	$(UV) pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-emit-package refund-gql \
	  --custom-compile-command "make lock" --output-file requirements.lock \
	  pyproject.toml $(PLUGINS:%=%/pyproject.toml)

schema: $(VENV)/.ready
	$(BIN)/refund-gql schema > schema.graphql

migration: $(VENV)/.ready
	$(BIN)/tortoise -c migrations.TORTOISE_ORM makemigrations -n $(name)

# What the conformance kit finds goes into each plugin's package, bound to its code.
conformance: $(VENV)/.ready
	$(foreach p,$(PLUGINS),$(BIN)/python -m pytest -q $(p)/tests -k conformance \
	  --conformance-record &&) true

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(UV):
	python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.ready: $(UV) requirements.lock pyproject.toml $(PLUGINS:%=%/pyproject.toml)
	VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --require-hashes -r requirements.lock
	VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation \
	  -e . $(PLUGINS:%=-e %)
	touch $@
