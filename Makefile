# make report [STUDY=smoke] [CORES=4]    measure, decide and write results/STUDY/report.html
# make watch [STUDY=smoke]               in another terminal: what a run is doing
# make test [PYTEST="-k store"]          run the everyday tests, one process per core
# make test-all                          and then the campaigns: long runs, interruptions, whole products
# make bench [BENCH="decay training"]    time it against what one would write without it, into benchmarks/bench.md;
#                                        one that was stopped goes on where it was; BENCH=--quick takes two minutes
# make docs                             the documentation site, to site/index.html
# make licences                          list the licences of all packages in docs/licences.md
# make audit                             look up known weaknesses of the pinned versions, on the network
# make lint | clean
# All need Python 3.11 or later (PYTHON=...), and nothing else: the packages go to .venv, once.

PYTHON ?= python3
STUDY ?= standard
CORES ?= all
PYTEST ?=
BENCH ?=

VENV := .venv
BIN := $(VENV)/bin
RUN_TESTS := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --durations 15
LOCKS := $(wildcard requirements*.lock)
PIP := $(BIN)/python -m pip --disable-pip-version-check install

.PHONY: report watch test test-all bench docs lint licences audit clean

report: $(VENV)/runtime.stamp
	@$(BIN)/snakemake --cores $(CORES) --config study=$(STUDY)
	@echo "The report: $(CURDIR)/results/$(basename $(notdir $(STUDY)))/report.html"

watch: $(VENV)/runtime.stamp
	@$(BIN)/python -m carousel watch --results results/$(basename $(notdir $(STUDY)))

test: $(VENV)/test.stamp
	$(RUN_TESTS) $(PYTEST)

test-all: test $(VENV)/docs.stamp
	$(RUN_TESTS) -m campaign $(PYTEST)

bench: $(VENV)/bench.stamp
	$(BIN)/python benchmarks/bench.py $(BENCH)

docs: $(VENV)/docs.stamp
	@$(BIN)/python -m sphinx -W --keep-going -q -c docs/site -d $(VENV)/doctrees . site
	@echo "The site: $(CURDIR)/site/index.html"

lint: $(VENV)/test.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

licences: $(VENV)/test.stamp $(VENV)/bench.stamp $(VENV)/docs.stamp
	$(BIN)/python docs/licences.py

audit:
	@test -x $(VENV)/audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)/audit \
	  && $(VENV)/audit/bin/python -m pip --disable-pip-version-check install --quiet pip-audit; }
	$(VENV)/audit/bin/pip-audit --strict --no-deps --disable-pip $(LOCKS:%=--requirement %)

clean:
	rm -rf results/*/ site .snakemake .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/runtime.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 11) and sys.exit("carousel needs Python 3.11 or later; name one: make PYTHON=python3.12")'
	@echo "Installing the packages of requirements.lock into $(VENV): minutes, and 2 GB or more, but only once"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --quiet --progress-bar on --requirement requirements.lock
	@$(PIP) --quiet --no-deps --editable .
	@test -e $(VENV)/quarto.stamp || command -v quarto > /dev/null \
	  || $(PIP) --quiet quarto-cli > $(VENV)/quarto.log 2>&1 \
	  || echo "Quarto could not be installed ($(VENV)/quarto.log says why): pandoc will make the report instead"
	@touch $(VENV)/quarto.stamp $@

$(VENV)/bench.stamp: $(VENV)/runtime.stamp requirements-bench.lock
	@$(PIP) --quiet --requirement requirements-bench.lock
	@touch $@

$(VENV)/docs.stamp: $(VENV)/runtime.stamp requirements-docs.lock
	@$(PIP) --quiet --requirement requirements-docs.lock
	@touch $@

$(VENV)/test.stamp: $(VENV)/runtime.stamp requirements-test.lock
	@$(PIP) --quiet --requirement requirements-test.lock
	@touch $@
