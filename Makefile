# `make` lists what can be made. Each target first makes .venv and installs into it what it needs.

PYTHON ?= python3
ARGS ?=
RUN := .venv/bin/python
LESSON := notebooks/00_start_here.ipynb

# One thread: small models train slower on many, and sums in another order differ in the last digits.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

# In a container one is often root, to whom Jupyter opens nothing unless told so.
ALLOW_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

# On Linux the torch of PyPI brings gigabytes of CUDA that no lesson uses. Where the index of CPU
# builds answers, take it from there; otherwise the requirements bring it from PyPI.
CPU_TORCH := $(if $(filter Linux,$(shell uname -s)),yes)
define CPU_TORCH_FIRST
	@[ -z "$(CPU_TORCH)" ] || $(RUN) -m pip install --retries 0 --no-deps \
		--index-url https://download.pytorch.org/whl/cpu "$$(grep ^torch== requirements.txt)" \
		2>/dev/null || echo "The index of CPU builds does not answer: taking torch from PyPI."
endef

.PHONY: help lab install test notebooks figures solutions models budgets bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

lab: install ## open JupyterLab on the first lesson (on a server: ARGS=--no-browser)
	$(RUN) -m jupyterlab $(ALLOW_ROOT) --LabApp.default_url=/lab/tree/$(LESSON) $(ARGS)

install: .venv/learner ## .venv with what a learner needs

test: .venv/contributor ## lint, types, unit tests, and every lesson as stored and solved
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m pytest $(ARGS)

notebooks: .venv/contributor ## run the lessons and store their outputs (one: ARGS=04)
	$(RUN) -m kdlib notebooks $(ARGS)

figures: install ## every figure as PNG, SVG, PDF, CSV and words in figures/ (one: ARGS=04)
	$(RUN) -m kdlib figures $(ARGS)

solutions: install ## the solved lessons in build/solutions/
	$(RUN) -m kdlib solutions $(ARGS)

models: .venv/contributor ## retrain the models and check their accuracy
	$(RUN) data/make_models.py
	$(RUN) data/make_language_models.py

budgets: install ## seconds and MB of every lesson, measured here (into README: ARGS=--write)
	$(RUN) -m kdlib budgets $(ARGS)

bench: install ## time, memory and error of the losses beside eager PyTorch (ARGS="--threads 2")
	$(RUN) -m kdlib bench losses $(ARGS)

clean: ## remove .venv and whatever was made
	rm -rf .venv build dist figures .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/learner: requirements.txt pyproject.toml | .venv/python
	$(CPU_TORCH_FIRST)
	@echo "Installing requirements.txt into .venv: a minute or two."
	@$(RUN) -m pip install --quiet -r requirements.txt
	@touch $@

.venv/contributor: requirements-dev.txt .venv/learner
	@echo "Installing requirements-dev.txt into .venv."
	@$(RUN) -m pip install --quiet -r requirements-dev.txt
	@touch $@

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "kdlib needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1)."; \
		echo "If you have a newer one, name it: make lab PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments."; \
		echo "On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@
