# make demo   621 simulated rooms, broker, hub and console on this machine; ARGS="--headless --for 90 --json FILE"
# make test   everything that must hold, at most 20 minutes on two cores
# make prove  longer proofs        make bench  measurements        make docs  writes the generated documents
SHELL := /bin/sh
BIN := .venv/bin

.PHONY: demo test prove bench lint docs ready-demo ready-test clean

demo: ready-demo
	$(BIN)/diemcau demo $(ARGS)

test: lint
	$(BIN)/pytest -n 2 --dist loadgroup -m "not prove and not bench" $(ARGS)

lint: ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

prove: ready-test
	$(BIN)/pytest -m prove -n 0 -s tests $(ARGS)

bench: ready-test
	$(BIN)/python -m tests.bench $(ARGS)

docs: ready-test
	$(BIN)/python -m tools.docs

ready-demo:
	@tools/bootstrap.sh demo

ready-test:
	@tools/bootstrap.sh test

clean:
	rm -rf .venv .venv-tools tests/node/node_modules .mypy_cache .ruff_cache .pytest_cache
