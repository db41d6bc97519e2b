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
PICTURES ?= logs/pictures
# Short runs that fail, each in its own way; their folders' names are those of the pictures.
FAIL = OMP_NUM_THREADS=1 $(BIN)/python train.py data.root=$(DATA) callbacks.scores=null callbacks.health.policy=warn \
	callbacks.health.every_n_images=1500

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

test-slow: $(READY)  ## run the tests that take long
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

pictures: $(READY)  ## make the pictures of docs/which_numbers.md and docs/trouble.md (some minutes)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.pictures scores $(DATA) docs/images/good_and_bad
	$(FAIL) experiment=mnist_wgan model.optimizer.generator.lr=0.1 model/schedule=constant trainer.max_steps=250 \
		hydra.run.dir=$(PICTURES)/collapse
	$(FAIL) experiment=mnist_dcgan model.optimizer.generator.lr=1e-6 model.optimizer.discriminator.lr=2e-3 \
		trainer.max_steps=300 callbacks.samples.weights=raw hydra.run.dir=$(PICTURES)/strong_discriminator
	$(FAIL) experiment=mnist_dcgan model.ema_half_life=30000 callbacks.samples.weights=both trainer.max_steps=400 \
		hydra.run.dir=$(PICTURES)/slow_average
	$(FAIL) experiment=mnist_vanilla model/objective=minimax model.optimizer.generator.lr=3e-3 trainer.max_steps=600 \
		hydra.run.dir=$(PICTURES)/too_early
	$(FAIL) model=dcgan model/network=dcgan_transposed model.network.generator.width=16 model.network.discriminator.width=16 \
		data.batch_size=32 callbacks.samples.weights=raw trainer.max_steps=200 hydra.run.dir=$(PICTURES)/checkerboard
	$(BIN)/python -m benchmarks.pictures runs $(PICTURES) docs/images/trouble

clean:  ## remove the environment and caches, keep data and logs
	rm -rf $(VENV) site .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
