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

# Cargo builds again what is newer than its last build, and nothing else. So a file that is whole again must be new too: one that had
# its old time back would leave the damage in the build, and the next damage would be caught for this one's sake.
damaged=$work/damaged

copy() {
    rm -rf "$tree"
    mkdir -p "$tree"
    git ls-files -z | xargs -0 cp --parents -p -t "$tree" --
    if [ -f "$damaged" ]; then
        (cd "$tree" && sed -n 's,^+++ b/,,p' "$damaged" | xargs touch)
        rm "$damaged"
    fi
}

damage() { # patch
    cp "$1" "$damaged"
    (cd "$tree" && patch --quiet --strip=1 < "$1")
}

mend() {
    (cd "$tree" && patch --quiet --strip=1 --reverse < "$damaged" && sed -n 's,^+++ b/,,p' "$damaged" | xargs touch)
    rm "$damaged"
}

run_test() { # arguments, log
    (cd "$tree" && eval "cargo test --quiet $1") > "$2" 2>&1
}

build() { # arguments, whether the binaries too
    (cd "$tree" && eval "cargo test --quiet ${1%% -- *} --no-run") || return
    [ "$2" != yes ] || binaries
}

binaries() {
    (cd "$tree" && cargo build --quiet --bins --features pipeline/failpoints)
}

kafka_up() {
    binaries
    export FOOTFALL_DEV_DIR=$work/kafka FOOTFALL_BIN_DIR=$CARGO_TARGET_DIR/debug
    trap '"$FOOTFALL_BIN_DIR/footfall" dev down --delete > /dev/null' EXIT
    "$FOOTFALL_BIN_DIR/footfall" dev up
    eval "$("$FOOTFALL_BIN_DIR/footfall" dev env)"
}

chosen=()
for patch in tests/damages/*.patch; do
    name=$(basename "$patch" .patch)
    if [ $# -eq 0 ] || printf '%s\n' "$@" | grep -qx "${name%%-*}"; then
        chosen+=("$patch")
    fi
done

# A test that fails whatever is broken shows nothing: each passes first in the tree as it is.
copy
sound=()
for patch in "${chosen[@]}"; do
    name=$(basename "$patch" .patch) test=$(header "$patch" test)
    if [ "$(header "$patch" kafka)" = yes ] && [ -z "${FOOTFALL_BROKERS:-}" ]; then
        kafka_up
    fi
    if run_test "$test" "$work/$name.log"; then
        sound+=("$patch")
    else
        echo "BROKEN  $name: \`cargo test $test\` fails without the damage too, see target/damage/$name.log"
        failed=$((failed + 1))
    fi
done

try() { # patch
    local name what test kafka
    name=$(basename "$1" .patch) what=$(header "$1" what) test=$(header "$1" test) kafka=$(header "$1" kafka)
    if ! build "$test" "$kafka" > "$work/$name.log" 2>&1; then
        echo "BROKEN  $name: it does not compile, see target/damage/$name.log"
        return 1
    fi
    if run_test "$test" "$work/$name.log"; then
        echo "UNSEEN  $name: $what; \`cargo test $test\` passes all the same"
        return 1
    elif ! grep -q 'test result: FAILED' "$work/$name.log"; then
        echo "BROKEN  $name: no test ran, see target/damage/$name.log"
        return 1
    fi
    echo "caught  $name: $what"
}

for patch in "${sound[@]}"; do
    damage "$root/$patch"
    if try "$patch"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    mend
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
