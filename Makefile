# Two verbs: `make` runs the main job, `make test` all checks. CI also runs `make drive`, on a real guest, and `make scale`, on a real Spark. `make extras` adds what is optional.
# Needed beforehand: python3 (3.11 or newer) with pip, make and git. The rest is made in .uv/ and .venv/.

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
UV := .uv/bin/uv --quiet
INSTALL := $(UV) pip install --python $(BIN)/python --compile-bytecode
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links $(LOCK_OPTIONS)
RIVALS := benchmarks/rivals/requirements.lock
SPARK := requirements-spark.lock
# All but spark, which is tested in an environment of its own.
EXTRAS := $(addprefix --extra ,parquet postgres pytest qmp recheck serve seal sieve timestamp)
PRODUCT := domain rules projections nilometer

export UV_PYTHON_DOWNLOADS := never
# As pip does, trust what the machine trusts: a registry may stand behind a company's own certificate.
export UV_SYSTEM_CERTS := 1
export PIP_ROOT_USER_ACTION := ignore
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
# Python keeps what it compiles, whatever the shell says: tests load it in hundreds of processes, and in the next run.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := main-job
.PHONY: main-job extras test scale java drive browser go ruff mypy pyright import-linter pytest bench rivals mutants detect lock clean
.DELETE_ON_ERROR:

main-job: .venv
	@echo "make: the main job, docs/examples/main-job.sh"
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/examples/main-job.sh

# What nilo seal, its time stamps, serve, witness and drive, Parquet, ledgers on PostgreSQL and nilo prove --recheck need besides, as it is pinned.
extras: .venv
	@echo "make: .venv with what the extras need"
	@$(INSTALL) --constraint requirements-test.lock --requirements pyproject.toml \
		--extra seal --extra sieve --extra parquet --extra serve --extra postgres --extra recheck --extra qmp --extra timestamp

# No core waits: pyright, the slowest of the checkers, has one; on the other the rest of them run, and then pytest begins,
# which takes all cores as soon as pyright is through.
test: .venv/.tests-made
	@$(MAKE) --no-print-directory --jobs=$(WORKERS) pyright pytest BEFORE_PYTEST="ruff import-linter mypy"

# What reads a history on Spark is tested on a real one, in an environment of its own: docs/scale.md.
scale: .spark/.made java
	@echo "make: scale";         .spark/bin/python -m pytest -q -p no:cacheprovider \
		--confcutdir=tests/nilometer/spark tests/nilometer/spark $(SCALE_OPTIONS)

java:
	@sh tests/java.sh

# The report is tested in a real browser. As root on Debian it is installed; elsewhere somebody has to.
browser:
	@sh tests/browser.sh
go:
	@sh tests/go.sh

# nilo drive on a real guest: QEMU and a Linux kernel from Debian, emulated, so it takes minutes; CI runs it too.
drive: .venv/.tests-made
	@sh tests/guest/build.sh
	@echo "make: a real guest";  NILO_GUEST=1 $(BIN)/python -m pytest -q tests/guest -n 2 $(DRIVE_OPTIONS)

# One at a time after a change: make pyright, make pytest PYTEST_OPTIONS="-x tests/domain", ...
ruff: .venv/.tests-made
	@echo "make: ruff";          $(BIN)/ruff check --quiet && $(BIN)/ruff format --check --quiet
mypy: .venv/.tests-made
	@echo "make: mypy";          $(BIN)/mypy --no-error-summary
pyright: .venv/.tests-made
	@echo "make: pyright";       $(BIN)/pyright
import-linter: .venv/.tests-made
	@echo "make: import-linter"; $(BIN)/lint-imports --no-logo
pytest: .venv/.tests-made browser go $(BEFORE_PYTEST)
	@echo "make: pytest";        $(BIN)/python -m compileall -q $(PRODUCT) && \
		$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup $(PYTEST_OPTIONS)

bench: .venv/.tests-made
	@$(BIN)/python -m benchmarks

# What other tools that say "verified" say of a planted bug: docs/soundness.md. They have an environment of their own.
rivals: .venv/.tests-made .rivals/.made
	@$(BIN)/python -m benchmarks.rivals .rivals/bin/python

# Every wrong program that is one change away has to be refused, refuted or proved to be the same: docs/mutation.md.
mutants: .venv/.tests-made
	@$(BIN)/python -m mutants $(MUTANTS_OPTIONS)

# What the judge of histories notices of one thing that was changed: docs/audit.md.
detect: .venv/.tests-made
	@$(BIN)/python -m detection $(DETECT_OPTIONS)

# Pins all dependencies for all platforms, with hashes and without naming a host: requirements.lock what runs the
# product, requirements-test.lock that with the extras and the tools, requirements-build.lock what installs it.
# All anew: make lock LOCK_OPTIONS=--upgrade
lock: .uv/bin/uv
	@echo "make: requirements.lock, requirements-test.lock, requirements-build.lock, $(SPARK), $(RIVALS)"
	@$(COMPILE) pyproject.toml --output-file requirements.lock
	@$(COMPILE) pyproject.toml $(EXTRAS) --group dev --constraint requirements.lock --output-file requirements-test.lock
	@$(COMPILE) --group build --constraint requirements-test.lock --output-file requirements-build.lock
	@$(COMPILE) pyproject.toml --extra spark --group scale --constraint requirements-test.lock --output-file $(SPARK)
	@$(COMPILE) --group rivals --output-file $(RIVALS)

clean:
	@echo "make: removing .venv, .uv, .rivals, .spark, build, dist and caches"
	@rm -rf .venv .uv .rivals .spark build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv: .venv/.made

# What runs the product, and no more. What `make test` added stays there.
.venv/.made: requirements.lock requirements-build.lock pyproject.toml | .uv/bin/uv
	@echo "make: .venv from requirements.lock"
	@test -x $(BIN)/python || $(UV) venv --clear --python "$(PYTHON)" .venv
	@$(INSTALL) --require-hashes --requirement requirements.lock
	@$(INSTALL) --no-deps --build-constraints requirements-build.lock --editable .
	@$(BIN)/python -m compileall -q $(PRODUCT)
	@touch $@

.venv/.tests-made: requirements-test.lock .venv/.made
	@echo "make: .venv with requirements-test.lock"
	@$(INSTALL) --require-hashes --requirement requirements-test.lock
	@touch $@

.rivals/.made: $(RIVALS) | .uv/bin/uv
	@echo "make: .rivals with $(RIVALS)"
	@$(UV) venv --clear --python "$(PYTHON)" .rivals
	@$(UV) pip install --python .rivals/bin/python --require-hashes --requirement $(RIVALS)
	@touch $@

.spark/.made: $(SPARK) requirements-build.lock pyproject.toml | .uv/bin/uv
	@echo "make: .spark with $(SPARK)"
	@test -x .spark/bin/python || $(UV) venv --clear --python "$(PYTHON)" .spark
	@$(UV) pip install --python .spark/bin/python --compile-bytecode --require-hashes --requirement $(SPARK)
	@$(UV) pip install --python .spark/bin/python --no-deps --build-constraints requirements-build.lock --editable .
	@touch $@

# uv itself: the version and hashes that requirements-build.lock pins. With --target, pip writes beside a system Python
# that forbids installing into it, and needs no venv module.
.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("make: Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + "; name another with: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "make: .uv, the installer"
	@rm -rf .uv && mkdir .uv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-build.lock >.uv/requirements.txt
	@$(PYTHON) -m pip install --quiet --no-deps --require-hashes --target .uv --requirement .uv/requirements.txt
