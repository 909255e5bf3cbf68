#!/usr/bin/env bash
# Installs what building, testing and `footfall dev` need and this machine lacks, on Debian and its kin.
# Does nothing when everything is there. Without root or sudo it prints the line to run and exits 1.
# `deploy/install.sh tests` also installs what only the tests need: a parser of docker-compose.yml, and patch.
# The Rust toolchain has its own installer and is the one thing that must be there already.
set -euo pipefail

java_oldest=17
purpose=${1:-}

has() { command -v "$1" >/dev/null 2>&1; }

# The major version of the first `java`, or 0.
java_version() {
  local java=java
  if [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ]; then java=$JAVA_HOME/bin/java; fi
  has "$java" || { echo 0; return; }
  "$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1 | grep . || echo 0
}

# A headless runtime that this release has: Debian 12 and Ubuntu have 17, later Debians a newer default.
java_package() {
  if apt-cache show "openjdk-$java_oldest-jre-headless" >/dev/null 2>&1; then
    echo "openjdk-$java_oldest-jre-headless"
  else
    echo default-jre-headless
  fi
}

# Whether anything here reads compose files: Docker need not run for that.
reads_compose() { has docker-compose || docker compose version >/dev/null 2>&1; }

# What is missing. librdkafka's configure asks for a C++ compiler, though it builds C alone.
missing() {
  has cc && has c++ || echo gcc g++ libc6-dev
  has make || echo make
  has pkg-config || echo pkg-config
  has pkg-config && pkg-config --exists openssl || echo libssl-dev
  has pkg-config && pkg-config --exists zlib || echo zlib1g-dev
  [ "$(java_version)" -ge "$java_oldest" ] || java_package
  has mvn || echo maven
  has git || echo git
  has curl || echo curl
  if [ "$purpose" = tests ]; then
    reads_compose || echo docker-compose
    has patch || echo patch
  fi
  [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -d /etc/pki ] || [ "$(uname)" != Linux ] || echo ca-certificates
}

if ! has cargo; then
  echo "install.sh: cargo is missing: install the Rust toolchain with rustup; rust-toolchain.toml names the version" >&2
  exit 1
fi

packages=$(missing | tr '\n' ' ')
packages=${packages% }
[ -n "$packages" ] || exit 0

if ! has apt-get; then
  echo "install.sh: missing, by their Debian names: $packages. Install them with this system's package manager" >&2
  exit 1
fi

if [ "$(id -u)" = 0 ]; then
  sudo=()
elif has sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
  sudo=(sudo)
else
  echo "install.sh: missing: $packages. Run this as root:" >&2
  echo "  apt-get update && apt-get install -y --no-install-recommends $packages" >&2
  exit 1
fi

echo "install.sh: reading the package lists" >&2
"${sudo[@]}" apt-get update -qq >&2
# Only now does apt know which Java it has.
packages=$(missing | tr '\n' ' ')
echo "install.sh: installing $packages" >&2
# shellcheck disable=SC2086 # one word per package
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages </dev/null >&2

left=$(missing | tr '\n' ' ')
if [ -n "$left" ]; then
  echo "install.sh: still missing after the installation: $left" >&2
  exit 1
fi
echo "install.sh: done" >&2
