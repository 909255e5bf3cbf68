#!/usr/bin/env bash
# After `make demo` was interrupted: waits for its stages, which were interrupted with it and end by themselves while there is a
# broker, then stops its Kafka and registry and deletes their data.
set -euo pipefail

stages_run() { LC_ALL=C grep -qsa -- '--topic-prefix.demo-' /proc/[0-9]*/cmdline; }

while stages_run && [ "$SECONDS" -lt 20 ]; do sleep 0.2; done
exec ./target/release/footfall dev down --dir target/footfall-demo --delete
