#!/usr/bin/env bash
# Breaks each guarantee on purpose, in a copy of the tree, and sees the test fail that is there to catch it.
# A damage is a patch under tests/damages; its first lines say what it breaks and which test must then fail:
#   what: …
#   test: <arguments of cargo test>
#   kafka: yes              (if that test needs a real Kafka)
# `tests/damage.sh 03 07` runs only the damages whose names begin so.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$root/target/damage
tree=$work/tree
export CARGO_TARGET_DIR=$work/target
mkdir -p "$work"
failed=0 passed=0

header() { sed -n "s/^$2: //p" "$1" | head -n 1; }

copy() {
    rm -rf "$tree"
    mkdir -p "$tree"
    git ls-files -z | xargs -0 cp --parents -p -t "$tree" --
}

run_test() { # arguments, log
    (cd "$tree" && eval "cargo test --quiet $1") > "$2" 2>&1
}

kafka_up() {
    (cd "$tree" && cargo build --quiet --bins --features pipeline/failpoints)
    export FOOTFALL_DEV_DIR=$work/kafka FOOTFALL_BIN_DIR=$CARGO_TARGET_DIR/debug
    trap '"$FOOTFALL_BIN_DIR/footfall" dev down --delete > /dev/null' EXIT
    "$FOOTFALL_BIN_DIR/footfall" dev up
    eval "$("$FOOTFALL_BIN_DIR/footfall" dev env)"
}

for patch in tests/damages/*.patch; do
    name=$(basename "$patch" .patch)
    if [ $# -gt 0 ] && ! printf '%s\n' "$@" | grep -qx "${name%%-*}"; then
        continue
    fi
    what=$(header "$patch" what) test=$(header "$patch" test) kafka=$(header "$patch" kafka)
    copy
    if [ "$kafka" = yes ] && [ -z "${FOOTFALL_BROKERS:-}" ]; then
        kafka_up
    fi
    (cd "$tree" && patch --quiet --strip=1 < "$root/$patch")
    if ! (cd "$tree" && eval "cargo test --quiet ${test%% -- *} --no-run") > "$work/$name.log" 2>&1; then
        echo "BROKEN  $name: it does not compile, see target/damage/$name.log"
        failed=$((failed + 1))
        continue
    fi
    if [ "$kafka" = yes ]; then
        (cd "$tree" && cargo build --quiet --bins --features pipeline/failpoints)
    fi
    if run_test "$test" "$work/$name.log"; then
        echo "UNSEEN  $name: $what; \`cargo test $test\` passes all the same"
        failed=$((failed + 1))
    elif grep -q 'test result: FAILED' "$work/$name.log"; then
        echo "caught  $name: $what"
        passed=$((passed + 1))
    else
        echo "BROKEN  $name: no test ran, see target/damage/$name.log"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
