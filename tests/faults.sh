#!/usr/bin/env bash
# The real-Kafka tests with more of everything: 52 kills over the four stages while 2,000 events a second come in, and every other
# fault (zombies, a broker that dies or stands still, hung transactions, processes that come and go) ten times over.
set -euo pipefail

export FOOTFALL_KILLS=${FOOTFALL_KILLS:-13}
export FOOTFALL_TEST_RATE=${FOOTFALL_TEST_RATE:-2000}
export FOOTFALL_TEST_ROUNDS=${FOOTFALL_TEST_ROUNDS:-10}
exec bash "$(dirname "$0")/run.sh" kafka
