#!/bin/sh
# Makes this machine the agent of a node, as a service of systemd. Run it as root from the unpacked program:
#   SERVER_URL=https://fog.example.org JOIN_TOKEN=fogj_… sh deploy/agent/install.sh
# It may be run again, for an update or another setting: what has joined stays joined.
set -eu

fail() { echo "$1" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail 'Run this as root: it makes a user and a service.'
command -v systemctl > /dev/null || fail 'This machine has no systemd. docs/edge.md says how to run the agent without.'
[ -x /usr/bin/node ] || fail 'Install Node.js 20.19 or newer first, so that /usr/bin/node is there.'
/usr/bin/node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
  || fail "Node.js 20.19 or newer is needed; this is $(/usr/bin/node --version)."
getent group docker > /dev/null || fail 'There is no group docker: install the Docker Engine first.'

source=$(cd "$(dirname "$0")/../.." && pwd)
env=/etc/fog-compute/agent.env
[ -n "${SERVER_URL:-}" ] || [ -f "$env" ] || fail 'Set SERVER_URL and JOIN_TOKEN, as the registration of the node has printed them.'

id fog-agent > /dev/null 2>&1 || useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin fog-agent

complete() { # folder
  [ ! -f "$1/dist/main.js" ] || [ ! -d "$1/node_modules" ] || return 0
  command -v npm > /dev/null || fail 'Install npm first: the packages of the program are to be fetched.'
  # What only builds and tests the program is most of it, and goes again.
  (cd "$1" && npm ci --ignore-scripts && npm run build && npm prune --omit=dev --ignore-scripts)
}

if [ "$source" != /opt/fog-compute ]; then
  # Beside the old program, and then in its place, so that a copy that breaks off changes nothing.
  rm -rf /opt/fog-compute.new
  mkdir -p /opt/fog-compute.new
  cp -a "$source/." /opt/fog-compute.new/
  # Whoever unpacked the program may not change what the service runs.
  chown -R root:root /opt/fog-compute.new
  complete /opt/fog-compute.new
  rm -rf /opt/fog-compute.old
  [ ! -e /opt/fog-compute ] || mv /opt/fog-compute /opt/fog-compute.old
  mv /opt/fog-compute.new /opt/fog-compute
else
  complete /opt/fog-compute
fi

if [ -n "${SERVER_URL:-}" ]; then
  mkdir -p /etc/fog-compute
  umask 077
  {
    echo "SERVER_URL=$SERVER_URL"
    for name in JOIN_TOKEN SERVER_PLAIN_HTTP HTTPS_PROXY NO_PROXY NODE_EXTRA_CA_CERTS DOCKER_HOST PUBLISH_ADDRESS ALLOWED_REGISTRIES; do
      eval "value=\${$name:-}"
      [ -z "$value" ] || echo "$name=$value"
    done
  } > "$env.new"
  chgrp fog-agent "$env.new"
  chmod 640 "$env.new"
  mv "$env.new" "$env"
fi

install -m 644 /opt/fog-compute/deploy/agent/fog-compute-agent.service /etc/systemd/system/
systemctl daemon-reload
systemctl enable fog-compute-agent
systemctl restart fog-compute-agent
echo 'The agent runs. What it does: journalctl -u fog-compute-agent -f'
