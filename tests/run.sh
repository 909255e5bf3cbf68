#!/usr/bin/env bash
# All tests: first what needs no Kafka, then the real-Kafka tests against a broker of their own, stopped at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*" >&2; }

bash deploy/install.sh

say "building"
cargo build --workspace --all-targets

say "tests that need no Kafka"
# Without the variables the real-Kafka target says so and passes; it has its turn below.
env -u FOOTFALL_BROKERS -u FOOTFALL_REGISTRY cargo test --workspace

footfall=${CARGO_TARGET_DIR:-target}/debug/footfall
# A directory of its own: no test touches the Kafka that somebody works with.
FOOTFALL_DEV_DIR=$(mktemp -d "${TMPDIR:-/tmp}/footfall-test.XXXXXX")
export FOOTFALL_DEV_DIR

finish() {
  local code=$?
  trap - EXIT INT TERM
  if [ "$code" != 0 ] && [ -f "$FOOTFALL_DEV_DIR/kafka.log" ]; then
    say "the broker's last lines"
    tail -n 20 "$FOOTFALL_DEV_DIR/kafka.log" >&2
  fi
  if "$footfall" dev down >&2; then
    rm -rf "$FOOTFALL_DEV_DIR"
  else
    say "the test broker may still run; its directory stays: $FOOTFALL_DEV_DIR"
  fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "tests against a real Kafka"
"$footfall" dev up
variables=$("$footfall" dev env)
eval "$variables"
cargo test -p journey-tests --test kafka -- --nocapture
