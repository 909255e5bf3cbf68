#!/usr/bin/env bash
# The real-Kafka tests with more of everything: 52 kills over the four stages while 2,000 events a second come in, and every other
# fault (zombies, a broker that dies or stands still for 20 s, hung transactions, 120 processes that join and leave) ten times over.
set -euo pipefail

export FOOTFALL_KILLS=${FOOTFALL_KILLS:-13}
export FOOTFALL_TEST_RATE=${FOOTFALL_TEST_RATE:-2000}
export FOOTFALL_TEST_ROUNDS=${FOOTFALL_TEST_ROUNDS:-10}
export FOOTFALL_FROZEN_SECONDS=${FOOTFALL_FROZEN_SECONDS:-20}
exec bash "$(dirname "$0")/run.sh" kafka
