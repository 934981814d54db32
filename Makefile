# What can be done here? `make` alone lists it; `make run` is all that a newcomer needs.

TESTS ?=

# Debian's own Python first: the system keeps it safe, and it was compiled with profiles, which makes it a quarter faster than most that are built by hand.
suits = "$$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null
PYTHON ?= $(shell for python in /usr/bin/python3 python3; do $(suits) && break; done; echo "$$python")

UV := 0.13.9
PY := .venv/bin/python
CATALOGUES := $(wildcard translations/*/LC_MESSAGES/messages.po)

# Where the development tree is installed, or another target than these two needs it, the smaller tree is not: it would remove the tools.
READY := $(if $(wildcard .venv/.dev)$(filter-out run demo,$(MAKECMDGOALS)),.venv/.dev,.venv/.run)

# One more than there are cores: each waits for its browser or its database now and then. Who is done takes over from the others.
SPREAD := -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist worksteal --durations=15 --durations-min=5

export FLASK_APP := app
# Where an environment forbids compiled modules, each process compiles 900 of them anew, which takes it five seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run demo test test-sqlite test-postgres check check-format check-lint check-imports check-catalogues check-migrations check-house \
	fix bench screenshots catalogues lock upgrade setup clean

help:                     ## list what can be done
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

run: $(READY) catalogues  ## start the portal with its demo town on http://localhost:8080 (PORT=… for another port)
	@exec $(PY) run.py

demo: $(READY) catalogues ## load the demo town into an empty database, without starting anything
	@$(PY) run.py --only-prepare

test: .venv/.dev catalogues ## run every test that this machine can, and name those it cannot (TESTS=tests/… for some)
	@$(MAKE) --no-print-directory --keep-going test-sqlite test-postgres

test-sqlite: .venv/.dev catalogues
	@echo "Tests on SQLite:"
	@$(PY) -m pytest -q $(SPREAD) -rfEs $(TESTS)

# Pages and texts are the same on both databases, so the journeys and what is marked `once` run once; 5 is pytest's word for "no test among these".
test-postgres: .venv/.dev catalogues
	@echo "Tests on PostgreSQL:"
	@TEST_DATABASE=postgres $(PY) -m pytest -q $(SPREAD) -rfEs -m 'not browser and not once' $(TESTS) || [ $$? = 5 ]

check: check-format check-lint check-imports check-catalogues check-migrations check-house ## everything that is checked without running a test

check-format: .venv/.dev
	@$(PY) -m ruff format --check --quiet --output-format concise . || { echo "Not formatted yet; make fix does it."; exit 1; }
	@echo "The code is formatted."

check-lint: .venv/.dev
	@$(PY) -m ruff check --quiet --output-format concise . && echo "The code is clean."

check-imports: .venv/.dev
	@$(PY) -c 'import sys; from importlinter.cli import lint_imports_command as lint; sys.path.insert(0, "."); lint()' --no-logo

check-catalogues: .venv/.dev
	@$(PY) -m app.core.catalogues --check

check-migrations: .venv/.dev
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	export PREAU_INSTANCE="$$folder" DATABASE_URL="sqlite:///$$folder/fresh.db" SECRET_KEY=fresh; \
	export ENCRYPTION_KEYS="$$($(PY) -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')"; \
	if { $(PY) -m flask db upgrade && $(PY) -m flask db check; } > "$$folder/said" 2>&1; \
	then echo "The migrations are in step with the models."; \
	else cat "$$folder/said"; echo "The migrations are not in step with the models; flask db migrate writes what is missing."; exit 1; fi

check-house: .venv/.dev
	@$(PY) -m tests.house

fix: .venv/.dev           ## format, mend what can be mended, bring the catalogues up to date
	@$(PY) -m ruff check --fix --quiet --exit-zero .
	@$(PY) -m ruff format --quiet .
	@$(PY) -m app.core.catalogues --update
	@$(PY) -m ruff check --quiet --output-format concise .

bench: .venv/.dev catalogues ## measure how fast it is
	@$(PY) -m tests.bench; pages=$$?; $(PY) -m tests.bench_billing && exit $$pages

screenshots: .venv/.dev catalogues ## take the pictures of the documentation
	@$(PY) -m tests.screenshots

setup: .venv/.dev catalogues ## install what development needs
	@echo "Ready. make run starts the portal, make test and make check verify it."

clean:                    ## remove what was installed and compiled; the database and the secrets stay
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache .hypothesis test-results
	rm -f translations/*/LC_MESSAGES/messages.mo

# --- translations ---

catalogues: $(CATALOGUES:.po=.mo)

%.mo: %.po | $(READY)
	@$(PY) -m app.core.catalogues --compile

# --- what is installed ---

.venv/.run: requirements.lock | $(PY)
	@$(call install,requirements.lock)

.venv/.dev: requirements-dev.lock | $(PY)
	@$(call install,requirements-dev.lock)

# uv installs in ten seconds what takes pip more than a minute. It does not know pip's settings: where a town has an
# index of its own, uv is told; where uv cannot be had or cannot install, pip does it.
define install
echo "Installing $(1)…"; \
$(call have_uv) && UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(PY) -m pip config get global.index-url 2> /dev/null)}}" \
	$(PY) -m uv pip sync --quiet --require-hashes --python $(PY) $(1) \
|| { echo "uv cannot be used here; pip takes about a minute."; $(PY) -m pip install -qq --require-hashes -r $(1); } \
&& touch $@
endef

# A virtual environment that somebody made with uv has no pip.
have_uv = { $(PY) -m uv --version 2> /dev/null | grep -qF ' $(UV) ' || { \
	{ $(PY) -m pip --version || $(PY) -m ensurepip; } > /dev/null 2>&1; $(PY) -m pip install -qq uv==$(UV); }; }

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Préau needs Python 3.11 or newer; PYTHON=… names another one than $(PYTHON)."; exit 1; }
	@$(PYTHON) -m venv --clear .venv \
		|| { rm -rf .venv; echo "No virtual environment could be made. On Debian: apt-get install python3-venv"; exit 1; }

COMPILE := uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header

lock: | $(PY)             ## write the locks after a change of requirements.txt or requirements-dev.txt
	@$(have_uv)
	@$(PY) -m $(COMPILE) $(LOCK) -o requirements.lock requirements.txt
	@$(PY) -m $(COMPILE) $(LOCK) -c requirements.lock -o requirements-dev.lock requirements-dev.txt
	@echo "requirements.lock and requirements-dev.lock are written."

upgrade: LOCK := --upgrade
upgrade: lock             ## the same, with the newest release of everything that requirements.txt does not pin
