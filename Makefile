# `make` alone lists what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

.PHONY: help check test test-faults test-damage demo bench simulate fuzz dev-up dev-down install

help: ## Say what there is to make
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '%-12s %s\n' "$$name" "$$text"; done

check: ## Formatting, lints, documentation, and every test that needs no Kafka
	bash deploy/install.sh tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps
	@if command -v cargo-deny >/dev/null; then cargo deny check licenses bans sources; \
	else echo "cargo-deny is not installed: deny.toml is not checked (docs/operations.md, \"Before a release\")"; fi
	env -u FOOTFALL_BROKERS -u FOOTFALL_REGISTRY cargo test --workspace

test: ## All tests, with those against a real Kafka, which it starts and stops
	bash tests/run.sh

test-faults: ## Real Kafka under faults: kill -9, fencing, rebalances
	bash tests/faults.sh

test-damage: ## Break each guarantee on purpose and see the right test fail
	bash deploy/install.sh tests
	bash tests/damage.sh

demo: install ## The whole pipeline on this machine, with simulated visitors
	cargo build --release
	@stop="$${FOOTFALL_DEMO_DIR:-target/footfall-demo}/stop.sh"; \
	trap 'kill "$$demo"; case "$${KEEP:-}" in ""|0|f|false|n|no|off) [ ! -f "$$stop" ] || bash "$$stop";; esac' INT TERM; \
	./target/release/footfall demo & demo=$$!; wait "$$demo"

bench: install ## Throughput and latency of every stage; PEERS=1: Kafka Streams and Flink beside them
	cargo build --release --workspace --bins
	cargo run --release -p footfall-bench -- $(if $(PEERS),--peers)

simulate: install ## The stages in memory under seeded faults: SEEDS=10000 for more, SEED=, VISITORS=, KINDS= for one
	cargo test --release -p journey-tests --test simulation -- --nocapture

fuzz: install ## Feed the parsers what breaks parsers (nightly, cargo-fuzz): SECONDS_EACH=600, TARGETS="url event"
	SECONDS_EACH='$(SECONDS_EACH)' TARGETS='$(TARGETS)' bash fuzz/run.sh

dev-up: install ## Start a local Kafka and schema registry
	cargo run --quiet -p footfall -- dev up

dev-down: ## Stop them; the data stay
	cargo run --quiet -p footfall -- dev down

install: ## Install what this machine lacks (Debian packages)
	@bash deploy/install.sh
