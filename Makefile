# Two verbs: `make` runs the main job, `make test` everything that CI runs.
# Needed beforehand: python3 (3.11 or newer) with pip, make and git. The rest is made in .uv/ and .venv/.

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
UV := .uv/bin/uv --quiet

export UV_PYTHON_DOWNLOADS := never
# As pip does, trust what the machine trusts: a registry may stand behind a company's own certificate.
export UV_SYSTEM_CERTS := 1
export PIP_ROOT_USER_ACTION := ignore
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := main-job
.PHONY: main-job test bench mutants detect lock clean
.DELETE_ON_ERROR:

main-job: .venv
	@echo "make: the main job, docs/examples/main-job.sh"
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/examples/main-job.sh

test: .venv
	@echo "make: ruff check";    $(BIN)/ruff check --quiet
	@echo "make: ruff format";   $(BIN)/ruff format --check --quiet
	@echo "make: mypy";          $(BIN)/mypy --no-error-summary
	@echo "make: pyright";       $(BIN)/pyright
	@echo "make: import-linter"; $(BIN)/lint-imports --no-logo
	@echo "make: pytest";        $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup

bench: .venv
	@$(BIN)/python -m benchmarks

# Every wrong program that is one change away has to be refused, refuted or proved to be the same: docs/mutation.md.
mutants: .venv
	@$(BIN)/python -m mutants $(MUTANTS_OPTIONS)

# What the judge of histories notices of one thing that was changed: docs/audit.md.
detect: .venv
	@$(BIN)/python -m detection $(DETECT_OPTIONS)

# Pins every dependency, extra and development tool for all platforms; names no host. All anew: make lock LOCK_OPTIONS=--upgrade
lock: .uv/bin/uv
	@echo "make: requirements.lock"
	@$(UV) pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --no-emit-find-links --output-file requirements.lock $(LOCK_OPTIONS) >/dev/null

clean:
	@echo "make: removing .venv, .uv, build, dist and caches"
	@rm -rf .venv .uv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv: .venv/.made

.venv/.made: requirements.lock pyproject.toml | .uv/bin/uv
	@echo "make: .venv from requirements.lock"
	@test -x $(BIN)/python || $(UV) venv --clear --python "$(PYTHON)" .venv
	@$(UV) pip sync --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# uv itself: the version and hashes that requirements.lock pins. With --target, pip writes beside a system Python
# that forbids installing into it, and needs no venv module.
.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("make: Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + "; name another with: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "make: .uv, the installer"
	@rm -rf .uv && mkdir .uv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock >.uv/requirements.txt
	@$(PYTHON) -m pip install --quiet --no-deps --require-hashes --target .uv --requirement .uv/requirements.txt
