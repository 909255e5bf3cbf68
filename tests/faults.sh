#!/usr/bin/env bash
# The real-Kafka tests with more of everything: each binary killed ten times, more visitors.
set -euo pipefail

export FOOTFALL_KILLS=${FOOTFALL_KILLS:-10}
export FOOTFALL_TEST_VISITORS=${FOOTFALL_TEST_VISITORS:-5000}
exec bash "$(dirname "$0")/run.sh" kafka
