# Every command of the project. A machine with Python 3.11 or newer, a Rust toolchain and a network is enough.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

PYTHON3 ?= python3
VENV := .venv
PYTHON := $(VENV)/bin/python
MATURIN := $(VENV)/bin/maturin develop --release --quiet
DOCUMENTED := goldfish goldfish.diagnostics goldfish.drawing goldfish.nn goldfish.models goldfish.naive_bayes goldfish.probability goldfish.sampling goldfish.theory goldfish.io goldfish.testing
RUST_SOURCES := Cargo.toml Cargo.lock $(shell find src -name '*.rs')

# The interpreter that PyO3 looks at; the same for every cargo command, so that none rebuilds it for another.
export PYO3_PYTHON := $(CURDIR)/$(PYTHON)
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PIP_QUIET := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport CONDA_PREFIX PYTHONPATH PYTHONHOME

define OTHER_INSTRUCTION_SETS
from goldfish._core import config
print(*set(config()["available_instruction_sets"]) - {config()["instruction_set"]})
endef
export OTHER_INSTRUCTION_SETS

.PHONY: help build demo test test-slow asan lint test-rust test-python test-forced bench oracles docs clean

help: ## what there is to call
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1|\2/' | column -t -s '|'

$(PYTHON):
	@$(PYTHON3) -c 'import sys; sys.exit("goldfish needs Python 3.11 or newer; set PYTHON3" if sys.version_info < (3, 11) else 0)'
	$(PYTHON3) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(PYTHON)
	$(PYTHON) -m pip install --quiet --upgrade pip maturin
	$(MATURIN) --extras all,dev
	@touch $@

$(VENV)/.built: $(RUST_SOURCES) $(VENV)/.installed
	$(MATURIN) --skip-install
	@touch $@

$(VENV)/.oracles: $(VENV)/.installed
	$(MATURIN) --extras all,dev,oracles
	@touch $@

build: $(VENV)/.built ## build the extension into .venv and the source tree

oracles: $(VENV)/.oracles ## install torch, ONNX Runtime and onnx beside us (about 6 GB)

demo: build ## train a convolutional and a recurrent network on real data; writes demo-report/index.html
	$(PYTHON) -m goldfish demo

test: build lint test-rust test-python test-forced ## format, lint, types, every test
	@$(PYTHON) -c 'from importlib.util import find_spec; \
	    print("nothing left out" if all(map(find_spec, ("torch", "onnxruntime"))) else \
	          "left out: torch and onnxruntime comparisons (make oracles installs them)")'

lint: build ## formatters, linters and type checkers; changes nothing
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy.stubtest goldfish._core
	cargo fmt --check
	cargo clippy --locked --quiet --all-targets -- -D warnings
	cargo clippy --locked --quiet --all-targets --features python -- -D warnings

test-rust: ## the core's own tests, and its hand-off between threads under loom
	cargo test --locked --quiet
	RUSTFLAGS="--cfg loom" cargo test --locked --quiet --release --lib --target-dir target/loom loom_

test-python: build ## the package's tests, its docstrings' examples and the README's programs
	$(PYTHON) -m pytest -q

test-forced: build ## the kernels once more under each other instruction set that this processor has
	for simd in $$($(PYTHON) -c "$$OTHER_INSTRUCTION_SETS"); do \
	    echo "GOLDFISH_SIMD=$$simd"; GOLDFISH_SIMD=$$simd $(PYTHON) -m pytest -q tests/functional tests/naive_bayes/test_passes.py tests/nn/test_inference.py; done

test-slow: ## 100,000 random shapes; every float32; killed training; 200,000 damaged heap profiles; bounds by simulation
	$(PYTHON) -m pytest -q -m slow
	cargo test --locked --quiet --release --lib every_float -- --ignored
	cargo test --locked --quiet --release --lib sweep -- --ignored

asan: ## the core's own tests under AddressSanitizer
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test --locked --quiet --lib \
	    --target x86_64-unknown-linux-gnu --target-dir target/asan

bench: build ## compare speed with torch, ONNX Runtime and NumPy; rewrites the tables
	@$(PYTHON) -c 'import torch, onnxruntime, onnx' 2>/dev/null || \
	    { echo "make bench compares with torch and ONNX Runtime, which are not installed: run 'make oracles' first"; exit 1; }
	cargo bench --locked
	$(PYTHON) -m pytest -q benches/test_numpy.py benches/test_theory.py --benchmark-enable --benchmark-columns=median,iqr,rounds
	$(PYTHON) benches/against.py --json benches/results
	$(PYTHON) benches/estimators.py --json benches/results
	$(PYTHON) benches/table.py

docs: build ## tutorials and reference as HTML: target/docs/index.html, and the core's in target/doc
	$(PYTHON) -m pytest -q tests/test_readme.py
	$(PYTHON) docs/handbook.py target/docs
	$(PYTHON) -m pdoc --docformat numpy --math --output-directory target/docs/reference $(DOCUMENTED)
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --locked --quiet --no-deps --document-private-items --features python

clean: ## remove everything that is built or installed here
	rm -rf target $(VENV) dist demo-report .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	rm -f python/goldfish/_core*.so
	find python tests benches -name __pycache__ -prune -exec rm -rf {} +
