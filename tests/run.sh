#!/usr/bin/env bash
# All tests: first what needs no Kafka, then the real-Kafka tests against a broker of their own, stopped at the end.
# `tests/run.sh kafka` runs the latter alone.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*" >&2; }

bash deploy/install.sh tests

say "formatting"
cargo fmt --all --check

# With the places where a test may kill a process: one build for everything, and no others than tests use it.
features=(--features pipeline/failpoints)

say "building"
cargo build --workspace --all-targets "${features[@]}"

if [ "${1:-all}" != kafka ]; then
  say "tests that need no Kafka"
  # Without the variables the real-Kafka target says so and passes; it has its turn below.
  env -u FOOTFALL_BROKERS -u FOOTFALL_REGISTRY FOOTFALL_REQUIRE_KAFKA=0 FOOTFALL_REQUIRE_COMPOSE=1 cargo test --workspace --no-fail-fast "${features[@]}"
fi

FOOTFALL_BIN_DIR=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)
export FOOTFALL_BIN_DIR
footfall=$FOOTFALL_BIN_DIR/footfall
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
  # One that a test has for itself, and could not stop any more.
  for own in "$FOOTFALL_DEV_DIR"/cluster-*; do
    [ ! -f "$own/stop.sh" ] || bash "$own/stop.sh" >&2 || true
    [ ! -d "$own" ] || "$footfall" dev down --dir "$own" >&2 || true
  done
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
"$footfall" dev up --long-running
variables=$("$footfall" dev env)
eval "$variables"
# Most of these tests wait most of the time, and three of them for one and the same run: more threads than cores, but few
# enough that what a test must see in time is seen in time.
FOOTFALL_REQUIRE_KAFKA=1 cargo test -p journey-tests --test kafka "${features[@]}" -- --nocapture --test-threads 5

say "the tool against a real Kafka"
cargo test -p footfall --test cli "${features[@]}"

# A small day, which fails if what was sent and what is accounted for differ. It has a Kafka of its own, and is kept first.
"$footfall" dev down >&2
demo_dir=$FOOTFALL_DEV_DIR/cluster-demo
play_demo() { # KEEP, visitors
  # Processes are known by a variable that is no option of ours: those are not inherited by what a demo starts.
  env -u FOOTFALL_BROKERS -u FOOTFALL_REGISTRY KEEP="$1" PLAYED_IN="$demo_dir" FOOTFALL_DEMO_DIR="$demo_dir" "$footfall" demo --visitors "$2" --play 8s --live 5s --rate 200 \
    | tee >(cat >&2)
}
must_tell() { # what was told, what it must tell…
  local told=$1 part
  shift
  for part; do
    grep -qF -- "$part" <<<"$told" || { echo "the demo does not tell: $part" >&2; exit 1; }
  done
}

say "a short demo, kept"
told=$(play_demo 1 300)
must_tell "$told" 'they add up' 'busiest intervals' 'raw → journey event' '=== five records ===' 'journey.offers   {' 'pricing-dwell offered' 'Still running'
addresses=$(grep -o 'http://[^ ]*/metrics' <<<"$told" || true)
[ "$(wc -l <<<"$addresses")" = 8 ] || { echo "the kept demo names other addresses than those of eight stages: $addresses" >&2; exit 1; }
for address in $addresses; do
  metrics=$(curl -fsS --noproxy '*' "$address")
  grep -q '^footfall_' <<<"$metrics" || { echo "$address tells no metrics of ours" >&2; exit 1; }
done
if refused=$(play_demo '' 50 2>&1); then echo "a second demo runs over the one that was kept" >&2; exit 1; fi
must_tell "$refused" "stop it with \`bash $demo_dir/stop.sh\`"
bash "$demo_dir/stop.sh"

say "a shorter one, which leaves nothing running"
told=$(play_demo '' 50)
must_tell "$told" 'they add up' 'Everything is stopped'
left=$(grep -lsaF "PLAYED_IN=$demo_dir" /proc/[0-9]*/environ || true)
[ -z "$left" ] || { echo "the demo left processes: $left" >&2; exit 1; }
