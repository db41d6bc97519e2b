# Every target needs nothing but Python 3.11 or newer: the environment is made when it is missing.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
.DEFAULT_GOAL := help

.PHONY: help setup train test test-slow test-kernels coverage lint format docs pictures benchmark results film clean

# Where MNIST is, or is downloaded to.
DATA ?= data
RESULTS ?= logs/results
FILM ?= logs/film

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(READY)  ## create the environment in .venv

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

train: $(READY)  ## train a conditional DCGAN and draw a row of each digit (a minute or two, on any machine)
	$(BIN)/python train.py experiment=quickstart

test: $(READY)  ## run the tests, but the slow ones
	$(BIN)/python -m pytest -n auto -m "not slow"

test-slow: $(READY)  ## run the tests that take more than ten seconds each
	$(BIN)/python -m pytest -n auto -m slow

test-kernels: $(READY)  ## run the tests that compare bits with the kernels of another processor
	MKL_CBWR=COMPATIBLE ATEN_CPU_CAPABILITY=avx2 $(BIN)/python -m pytest -n auto -m bits

coverage: $(READY)  ## run every test and list the lines that none of them runs
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under 90

lint: $(READY)  ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)  ## mend style and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## build the documentation's site in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

benchmark: $(READY)  ## measure speed against hand-written loops
	$(BIN)/python -m benchmarks

results: $(READY)  ## train every variant with three seeds, and write docs/results.md's table (an hour; again, it does what is missing)
	OMP_NUM_THREADS=1 $(BIN)/python train.py sweep=variants sweep.dir=$(RESULTS) data.root=$(DATA)
	$(BIN)/python -m benchmarks.results $(RESULTS)

film: $(READY)  ## train a conditional GAN and make the README's film of it (some minutes)
	OMP_NUM_THREADS=1 $(BIN)/python train.py experiment=mnist_cgan model.ema_half_life=1500 callbacks.scores=null \
		callbacks.samples.every_n_images=500 hydra.run.dir=$(FILM) data.root=$(DATA)
	$(BIN)/python -m benchmarks.film $(FILM) docs/images/film.webp

clean:  ## remove the environment and caches, keep data and logs
	rm -rf $(VENV) site .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
