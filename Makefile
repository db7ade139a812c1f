# Everything that a person does with a checkout. Bare `make` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

DENJU := .build/release/denju
CACHE := runs/quickstart/cache.sqlite
# Where the tests find the demo's source.
export DENJU_SMOLLM2 := $(CURDIR)/.build/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf

# Where they find the encoder.
export DENJU_MINILM := $(CURDIR)/.build/models/all-minilm-l6-v2

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build model ## Set up, then run the demo: three generators trained, compared and asked
	@$(DENJU) run Pipelines/quickstart.yaml
	@echo
	@echo "\$$ sqlite3 -box $(CACHE) 'select * from cache_summary'"
	@sqlite3 -box $(CACHE) 'select * from cache_summary'

.PHONY: build
build: set-up ## Build the program, .build/release/denju
	@swift build -c release --product denju

.PHONY: test
test: set-up model model-minilm ## Build and run all tests
	@swift build -c release --build-tests
	@Tests/run.sh

.PHONY: bench
bench: build model ## Time precompute beside transformers and llama.cpp, into Tests/Benchmarks/precompute.md
	@Tests/Benchmarks/set-up-peers.sh
	@$(DENJU) bench precompute --out Tests/Benchmarks/precompute.md --json > .build/bench-precompute.json
	@cat Tests/Benchmarks/precompute.md

.PHONY: lint
lint: ## Check the formatting of all Swift code
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests

.PHONY: format
format: ## Format all Swift code
	@swift format --in-place --recursive --parallel Package.swift Sources Tests

.PHONY: model
model: packages ## Fetch the demo's knowledge source, SmolLM2-135M-Instruct
	@Pipelines/set-up/model.sh

.PHONY: model-minilm
model-minilm: packages ## Fetch the encoder that can be a source, all-MiniLM-L6-v2
	@Pipelines/set-up/minilm.sh

.PHONY: clean
clean: ## Remove what was built; the model and runs/ stay
	@swift package clean

.PHONY: packages set-up
packages:
	@Pipelines/set-up/packages.sh
set-up: packages
	@Pipelines/set-up/toolchain.sh
