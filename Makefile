# Two commands do everything: `make demo` (Python only) and `make test` (real Kafka, real Kubernetes).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Compiled once: a test run starts hundreds of processes, and rewrites the assertions of 260 files in each worker.
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/.pycache

.PHONY: demo test check bench soak lock clean format

$(VENV)/.demo: requirements/demo.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fde needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: $(VENV)/.demo requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	touch $@

demo: $(VENV)/.demo            ## the whole loop on the shipped fleet, with the review page
	$(BIN)/fde demo $(ARGS)

# How many examples of each law: fewer in the inner loop, all in `make test`.
LAWS ?= quick
check: $(VENV)/.dev            ## the fast inner loop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	FDE_LAWS=$(LAWS) $(BIN)/pytest -q -n auto -m "not kafka and not cluster and not browser and not processes and not seconds" $(ARGS)

test: LAWS = full
test: check                    ## everything, on real Kafka and a real Kubernetes control plane
	PYTHONPATH=deploy/local $(BIN)/python -m fde_local prepare --skip-missing
	$(BIN)/pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m "kafka or cluster or browser or processes or seconds" $(ARGS)

bench: $(VENV)/.dev
	$(BIN)/fde bench $(ARGS)

soak: $(VENV)/.dev             ## 100 cycles of faults on a real Kafka; CYCLES=n for fewer
	PYTHONPATH=deploy/local $(BIN)/python tests/soak/soak.py --cycles $(or $(CYCLES),100) $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.dev             ## lock by hash; the lock names no index
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml requirements/build.in --extra demo -o requirements/demo.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml requirements/build.in --extra all --group dev -o requirements/dev.lock
	for extra in operator sidecar streams extraction review runtime; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements/dev.lock pyproject.toml --extra $$extra -o requirements/$$extra.lock || exit 1; done
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements/dev.lock requirements/build.in -o requirements/build.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
