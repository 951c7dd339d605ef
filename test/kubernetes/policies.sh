#!/usr/bin/env bash
# Runs the tests of NetworkPolicies on a cluster of its own, whose policies the firewall of kube-router enforces. All of it has a network
# namespace of its own, because that firewall writes the whole packet filter, and this machine may have a Docker Engine with rules in it.
# It needs what cluster.sh needs, and from Debian ipset and iptables.
#
#   policies.sh build       builds kube-router from its Go module, once: some minutes
#   policies.sh             builds what is not built yet, and runs the tests; with ENFORCE=false nothing is enforced, and they fail
set -euo pipefail

HERE="$(cd "$(dirname "$0")" && pwd)"
CACHE="${KUBERNETES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fog-compute}"
readonly HERE VERSION=2.1.0
readonly BINARY="$CACHE/kube-router-$VERSION"

build() {
  "$HERE/cluster.sh" build
  [ -x "$BINARY" ] && return 0
  mkdir -p "$CACHE"
  (cd "$HERE/policies" && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$BINARY.new" .)
  mv "$BINARY.new" "$BINARY"
}

FOLDER=''
FIREWALL=''

finish() {
  if [ -n "$FIREWALL" ]; then kill -KILL "$FIREWALL" 2>/dev/null || true; fi
  "$HERE/cluster.sh" stop "$FOLDER/cluster" || true
  rm -rf "$FOLDER"
}

# An API server does not start where there is no way to anywhere.
make_network() {
  ip link set lo up
  ip link add nowhere type bridge
  ip address add 192.0.2.1/24 dev nowhere
  ip link set nowhere up
  ip route add default via 192.0.2.2
  # Pods of one machine are on one bridge, and the packet filter is to see what they send to each other.
  sysctl -qw net.bridge.bridge-nf-call-iptables=1
}

# In the network namespace.
run() {
  local code=0
  FOLDER="$(mktemp -d "${TMPDIR:-/tmp}/fog-policies-XXXXXX")"
  trap finish EXIT
  make_network
  export TEST_CLUSTER="${TEST_CLUSTER:-6}" KUBECONFIG_FOR_TESTS="$FOLDER/cluster/kubeconfig"
  "$HERE/cluster.sh" start "$FOLDER/cluster"
  if [ "${ENFORCE:-true}" = true ]; then
    "$BINARY" --kubeconfig="$KUBECONFIG_FOR_TESTS" --hostname-override=test-machine --run-firewall --run-router=false \
      --run-service-proxy=false --run-loadbalancer=false --enable-ipv6=false --service-cluster-ip-range=10.96.0.0/16 \
      --health-port=0 --metrics-port=0 >"$FOLDER/firewall.log" 2>&1 &
    FIREWALL=$!
  fi
  (cd "$HERE/../.." && POLICIES_ENFORCED=1 npx jest --selectProjects kubernetes --testPathPatterns policies "$@") || code=$?
  if [ -n "$FIREWALL" ] && ! kill -0 "$FIREWALL"; then code=1; fi
  if [ "$code" -ne 0 ] && [ -n "$FIREWALL" ]; then tail -n 40 "$FOLDER/firewall.log"; fi
  return "$code"
}

case "${1:-}" in
  build) build ;;
  inside) shift && run "$@" ;;
  *) build && exec unshare --net "$0" inside "$@" ;;
esac
