# Two commands: `make run` and `make test`. All set-up is done by scripts/setup.py.

PYTHON  ?= python3
SETUP   := $(PYTHON) scripts/setup.py
BIPLANE := $(or $(CARGO_TARGET_DIR),target)/release/biplane

# LIBTORCH is respected where the person set it; otherwise it is the per-user cache.
ifeq ($(strip $(LIBTORCH)),)
LIBTORCH := $(shell $(SETUP) --print-libtorch)
endif
ifeq ($(strip $(RUSTUP_HOME)),)
RUSTUP_HOME := $(shell $(SETUP) --print-rustup-home)
endif
export LIBTORCH RUSTUP_HOME
# A shell that was open while Rust was installed does not have it on its path yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: help run test build setup cuda bench lint ci
.DEFAULT_GOAL := help

help: ## list these targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 16

run: ## set up, build, open the workstation on the demo case (headless: write out/)
	$(SETUP) --cuda-if-driver
	cargo build --release
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
	    $(BIPLANE) --bundled; \
	else \
	    echo "No display (DISPLAY and WAYLAND_DISPLAY are empty): reconstructing the demo case into out/."; \
	    $(BIPLANE) demo --headless -o out; \
	fi

test: setup ## set up and run every test
	$(PYTHON) -m unittest discover -s scripts -p 'test_*.py'
	cargo test --release

build: setup ## leave target/release/biplane, which starts from anywhere
	cargo build --release

setup: ## Debian packages, Rust, libtorch in a per-user cache
	$(SETUP)

cuda: ## add the CUDA libraries to the cache; the same program uses them
	$(SETUP) --cuda

bench: setup ## criterion benchmarks
	cargo bench

lint: setup ## format, clippy and rustdoc, warnings denied
	cargo fmt --check
	cargo clippy --release --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps

ci: ## what a change must pass
	.ci/run
