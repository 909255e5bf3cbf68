#!/usr/bin/env bash
# Fuzzes every target for SECONDS_EACH seconds (600), from the committed corpus; TARGETS="url referrer" for some of them.
# Without a sanitizer: what is fuzzed is safe Rust, and with one the C libraries in the tree do not link.
# What it learns stays under target/fuzz-corpus; an input that breaks something lies under fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${SECONDS_EACH:-600}
read -ra targets <<<"${TARGETS:-event report url referrer definition}"

if ! rustup run nightly rustc --version >/dev/null 2>&1; then
  echo "fuzz: libFuzzer needs a nightly compiler: rustup toolchain install nightly --profile minimal" >&2
  exit 1
fi
if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "fuzz: cargo-fuzz is missing: cargo install --locked cargo-fuzz" >&2
  exit 1
fi

for target in "${targets[@]}"; do
  learnt=target/fuzz-corpus/$target
  mkdir -p "$learnt"
  echo "== $target, $seconds s"
  cargo +nightly fuzz run -O --sanitizer none "$target" "$learnt" "fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -max_len=20000 -timeout=5 -rss_limit_mb=2048 -print_final_stats=1
done
