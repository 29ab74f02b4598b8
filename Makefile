# Two words are enough: `make demo` shows the mailer at work, `make test` proves it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check
# Hundreds of processes are started by tests and benchmarks: as on a user's computer, none compiles all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-long check lint types bench sheets pictures drawings docs man sbom lock clean

demo: $(READY)            ## write to 612 invented people, to a mailbox on this computer
	@$(BIN)/mailer demo

test: $(READY)            ## the whole test suite
	@$(BIN)/python -m pytest -q -n auto -m "not long"

test-long: $(READY)       ## what takes half an hour: kills, races, fuzz, planted mistakes; figures to docs/reliability.md
	@$(BIN)/python -m tests.reliability.figures --anew
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m "long or figures"
	@$(BIN)/python -m tests.reliability.figures

check: lint types test    ## everything that must be green before a commit

lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY)
	@$(BIN)/mypy

bench: $(READY)           ## letters per second, beside plain aiosmtplib; needs smtp-sink (Debian: postfix)
	@$(BIN)/python -m bench

sheets: $(READY)          ## invent the demo's people anew, from the same seed
	@$(BIN)/python -m tests.people.sheets

pictures: $(READY)         ## the console's pictures of README and docs, from the demo; needs Chromium
	@$(BIN)/python docs/pictures.py

drawings: $(READY)         ## the pictures of the demo's appeal, from its facts; needs Chromium
	@$(BIN)/python templates/azerbaijan-credentials/draw.py

docs: $(READY)            ## write docs/problems.md and docs/modules.md anew, from the code
	@$(BIN)/python docs/problems.py
	@$(BIN)/python docs/modules.py

lock:                     ## after a change of the dependencies; needs uv
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --extra dev pyproject.toml -o requirements.lock

man: $(READY)              ## the manual page, from the commands: dist/mailer.1
	@$(BIN)/python docs/man.py

sbom: $(READY)             ## what the mailer is made of, from the lock: dist/pace-mailer.cdx.json (CycloneDX)
	@$(BIN)/python docs/sbom.py

clean:
	rm -rf $(VENV) demo-workspace .pytest_cache .mypy_cache .ruff_cache

# The lock names every package by version and hash; nothing else is installed. What comes as source is
# built by the setuptools of the lock, and by nothing that is fetched meanwhile.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "pace-mailer needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up once in $(VENV) …"
	@$(PYTHON) -m venv --clear $(VENV) || { echo "On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@awk '/^setuptools==/ {on = 1} on {print; if (!/\\$$/) exit}' requirements.lock > $(VENV)/build.lock
	@$(PIP) --require-hashes --only-binary :all: -r $(VENV)/build.lock
	@$(PIP) --require-hashes --only-binary :all: --no-binary odfpy,dkimpy --no-build-isolation -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
