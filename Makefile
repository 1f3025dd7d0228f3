# Every target installs first when .venv is missing. Paths may hold spaces: nothing here names the folder it is in.
PYTHON ?= python3
RUN := .venv/bin/python
STAMP := .venv/.installed

# Tests run two at a time: with more threads they would only wait for each other.
test test-all: export OPENBLAS_NUM_THREADS := 1

.PHONY: run studio web test test-all lint format bench pretrained docs pictures install clean

run: install
	$(RUN) -m melodygan.train --wgan --noise --l2
	$(RUN) -m evaluation.report gen/ org/

studio: .venv/.installed-studio
	$(RUN) -m manymodes_studio

# A page for any web server, in build/web.
web: install
	rm -rf build/web
	$(RUN) -m manymodes web build/web

install: $(STAMP)

$(STAMP): setup.cfg constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

test: .venv/.installed-test
	$(RUN) -m pytest -n 2 --dist loadfile -m "not slow"

# What is slow and rare: Docker, a wheel in a fresh environment, tutorials, the browser, pretrained models.
test-all: .venv/.installed-test
	$(RUN) -m pytest -n 2 --dist loadfile -m slow

lint: .venv/.installed-lint
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(dir $(RUN))lint-imports
	$(dir $(RUN))hadolint Dockerfile

format: .venv/.installed-lint
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

.venv/.installed-%: $(STAMP)
	$(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[$*]"
	touch $@

bench: install
	$(RUN) benchmarks/reported.py
	$(RUN) benchmarks/evaluation.py

# GROOVE=~/groove names the folder where the Groove MIDI Dataset has been unpacked.
pretrained: install
	$(RUN) -m pretraining.make $(if $(GROOVE),--groove "$(GROOVE)")

docs: .venv/.installed-docs
	rm -rf build/docs && mkdir -p build && cp -RL docs build/docs
	$(dir $(RUN))zensical build --clean --strict

# What the tutorials show, made again by their own commands.
pictures: .venv/.installed-test
	MANYMODES_KEEP_PICTURES=1 $(RUN) -m pytest tests/docs/test_tutorials.py

clean:
	rm -rf .venv build site *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
