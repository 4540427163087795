# make demo    621 simulated rooms, broker, hub and console on this machine; ARGS="--headless --for 90 --json FILE"
# make test    everything that must hold: lint, documents, tests; at most 10 minutes on two cores; ARGS="tests/wire -k name"
# make prove   a thousand room-days in simulation, then longer proofs; ARGS="--seed N --room-days M --json FILE"
# make prove-gpio  the agent on a kernel with GPIO lines, in QEMU: every edge of a relay's line; builds its guest at first use
# make mutants changes the agent in small ways and sees whether its tests notice; ARGS="interlock.py store/sqlite.py"
# make bench   measurements, ARGS="--json FILE --seconds N"
# make judges  who judges each family of devices that nobody of this project wrote, and in how many cases
# make wheelhouse  bundles of a release in dist/, ARGS="--kind agent --platform arm64 --key FILE"
# make sbom    what a release is made of, CycloneDX, in dist/
# make audit   what is known against the locked packages; ARGS="--database all.zip" without a network
# make docs    writes the generated documents      make pictures  takes those of the console      make lint, make clean
SHELL := /bin/sh
BIN := .venv/bin
# Debian gives users neither of these, and mosquitto and upsd live there.
export PATH := $(PATH):/usr/sbin:/sbin
# Hundreds of programs are started: Python keeps what it has compiled, also where the environment says otherwise.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test quick-lint prove prove-fleet prove-gpio mutants bench judges lint docs pictures wheelhouse sbom audit card ready-demo ready-test clean

demo: ready-demo
	$(BIN)/diemcau demo $(ARGS)

# Four processes, since two cores idle while whole programs wait for each other; see docs/development.md.
# mypy is one of the tests: it takes one core for half a minute, and the other would idle.
test: quick-lint
	$(BIN)/pytest -n 4 --dist loadgroup --no-loadscope-reorder --hypothesis-profile=quick \
		-m "not prove and not bench and not fleet" $(ARGS)

lint: quick-lint
	$(BIN)/mypy

quick-lint: ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# ARGS go to the simulation. One that names a seed replays it, and leaves the other proofs out.
prove: ready-test
	$(BIN)/python -m tests.prove $(ARGS)
	$(if $(findstring --seed,$(ARGS)),,$(BIN)/pytest -m "prove or hypothesis or sampled" -s)

# Real hosts with systemd as PID 1; root. They are made under /var/tmp/diemcau-fleet and end with the run.
prove-fleet: ready-test
	@tools/bootstrap.sh fleet
	$(BIN)/pytest -m fleet -s -p no:xdist $(ARGS)

prove-gpio: ready-test
	$(BIN)/python -m tests.lab

mutants: ready-test
	$(BIN)/python -m tools.mutants $(ARGS)

bench: ready-test
	$(BIN)/python -m tests.bench $(ARGS)

judges: ready-test
	$(BIN)/python -m tools.judges

docs: ready-test
	$(BIN)/python -m tools.docs

pictures: ready-test
	$(BIN)/python -m tools.screenshots $(ARGS)

wheelhouse: ready-test
	$(BIN)/python -m tools.wheelhouse $(ARGS)

sbom: ready-test
	$(BIN)/python -m tools.sbom $(ARGS)

audit: ready-test
	$(BIN)/python -m tools.audit $(ARGS)

card: ready-test
	$(BIN)/python -m tools.card $(ARGS)

ready-demo:
	@tools/bootstrap.sh demo

ready-test:
	@tools/bootstrap.sh test

clean:
	rm -rf .mutants .venv .venv-tools .venv-ansible tests/node/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
