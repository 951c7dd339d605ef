#!/usr/bin/env bash
# A real Kubernetes of one machine for the tests: etcd, API server, controller manager, scheduler, kubelet and a containerd of
# its own. It needs root, Go, and from Debian containerd, runc, containernetworking-plugins and busybox-static.
#
#   cluster.sh build            builds Kubernetes from its Go module, once: some minutes
#   cluster.sh start FOLDER     starts a cluster whose files are all in FOLDER, and writes FOLDER/kubeconfig when it is ready
#   cluster.sh stop FOLDER      ends its processes and Pods
#   cluster.sh kill FOLDER PART     kills one of its processes: etcd, api-server, controllers, scheduler or kubelet
#   cluster.sh again FOLDER PART    starts that process again
#
# Several clusters run side by side when each has a folder and a number of its own: TEST_CLUSTER=0 to 7, by default 0.
set -euo pipefail

HERE="$(cd "$(dirname "$0")" && pwd)"
readonly HERE VERSION=1.34.4 PAUSE_IMAGE=fog-test/pause:1
readonly NUMBER="${TEST_CLUSTER:-0}"
# A machine of a cluster may have no loopback address. This one is of the range for benchmarks, on an interface that leads nowhere.
readonly MACHINE_ADDRESS="198.19.$((NUMBER * 32 + 31)).1" MACHINE_LINK="fogtest$((NUMBER * 2 + 1))"
# A kubelet kills what it does not know in its cgroup, so that a second cluster needs one of its own.
readonly CGROUP="$([ "$NUMBER" = 0 ] || printf 'fog-test-%s' "$NUMBER")" CGROUPS=/sys/fs/cgroup
readonly POD_SUBNET="198.19.$((NUMBER * 32)).0/20" POD_LINK="fogtest$((NUMBER * 2))"
CACHE="${KUBERNETES_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fog-compute}"
readonly BINARY="$CACHE/kubernetes-$VERSION"

fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

build() {
  [ -x "$BINARY" ] && return 0
  local release
  release="$(go env GOVERSION 2>/dev/null)" || fail 'Kubernetes is built with Go 1.24 or newer, and there is no Go.'
  [ "$(printf '%s\n' go1.24 "$release" | sort -V | head -n 1)" = go1.24 ] || fail "Kubernetes is built with Go 1.24 or newer; this is $release."
  mkdir -p "$CACHE"
  local stamp=k8s.io/component-base/version
  (cd "$HERE/cluster" && CGO_ENABLED=0 go build -trimpath -o "$BINARY.new" \
    -ldflags "-s -w -X $stamp.gitVersion=v$VERSION -X $stamp.gitMajor=1 -X $stamp.gitMinor=34" .)
  mv "$BINARY.new" "$BINARY"
}

free_port() { node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }

run() { # name, command…: a process of the cluster with its log in the folder
  local name="$1"
  shift
  printf 'exec%s\n' "$(printf ' %q' "$@")" >"$DIR/$name.sh"
  begin "$name"
}

is_running() { [ -f "$DIR/$1.pid" ] && kill -0 -- "-$(cat "$DIR/$1.pid")" 2>/dev/null; } # name

begin() { # name
  is_running "$1" && return 0
  setsid bash "$DIR/$1.sh" >>"$DIR/$1.log" 2>&1 </dev/null &
  echo "$!" >"$DIR/$1.pid"
}

wait_for() { # what, seconds, command…
  local what="$1" seconds="$2"
  shift 2
  for _ in $(seq "$((seconds * 5))"); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.2
  done
  tail -n 30 "$DIR"/*.log >&2
  fail "The test cluster did not start: waited $seconds s for $what. The ends of its logs are above."
}

ask() { curl -sf --max-time 5 -k -H "Authorization: Bearer $TOKEN" "$@"; }

write_files() {
  openssl genrsa -out "$DIR/accounts.key" 2048 2>/dev/null
  openssl rsa -in "$DIR/accounts.key" -pubout -out "$DIR/accounts.pub" 2>/dev/null
  printf '%s,admin,admin,"system:masters"\n' "$TOKEN" >"$DIR/tokens.csv"
  mkdir -p "$DIR/cni"
  cat >"$DIR/cni/10-bridge.conflist" <<EOF
{"cniVersion": "0.4.0", "name": "fogtest", "plugins": [
  {"type": "bridge", "bridge": "$POD_LINK", "isGateway": true, "ipMasq": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$POD_SUBNET"}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "$DIR/ipam"}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
EOF
  cat >"$DIR/containerd.toml" <<EOF
version = 2
root = "$DIR/containerd-root"
state = "$DIR/containerd-state"
[grpc]
  address = "$DIR/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$DIR/cni"
EOF
  cat >"$DIR/kubelet.yaml" <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $MACHINE_ADDRESS
port: $KUBELET_PORT
healthzPort: 0
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failSwapOn: false
failCgroupV1: false
containerRuntimeEndpoint: "unix://$DIR/containerd.sock"
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
evictionHard: {memory.available: "50Mi", nodefs.available: "1%", imagefs.available: "1%"}
nodeStatusUpdateFrequency: 2s
syncFrequency: 5s
maxPods: 200
EOF
}

# The API server has made its own certificate by then.
write_kubeconfig() {
  cat >"$DIR/kubeconfig" <<EOF
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://127.0.0.1:$API_PORT", certificate-authority-data: "$(base64 -w0 "$DIR/api-certs/apiserver.crt")"}}]
users: [{name: admin, user: {token: "$TOKEN"}}]
contexts: [{name: test, context: {cluster: test, user: admin}}]
current-context: test
EOF
}

# Images as `docker save` writes them, made of the static busybox alone, so that no registry and no Docker Engine is needed.
import_image() { # name, command of the image as JSON
  node "$HERE/cluster/image.mjs" "$1" "$2" "$(readlink -f "$(command -v busybox)")" >"$DIR/image.tar"
  ctr -a "$DIR/containerd.sock" -n k8s.io images import "$DIR/image.tar" >/dev/null
  rm "$DIR/image.tar"
}

start() {
  [ "$(id -u)" -eq 0 ] || fail 'The test cluster needs root: its kubelet starts containers.'
  [ -x "$BINARY" ] || fail "Kubernetes is not built yet: run $0 build"
  mkdir -p "$DIR"
  TOKEN="$(openssl rand -hex 16)"
  API_PORT="$(free_port)" ETCD_PORT="$(free_port)" PEER_PORT="$(free_port)" KUBELET_PORT="$(free_port)"
  ip link add "$MACHINE_LINK" type bridge 2>/dev/null || true
  ip address replace "$MACHINE_ADDRESS/32" dev "$MACHINE_LINK"
  ip link set "$MACHINE_LINK" up
  make_cgroup
  write_files

  run etcd "$BINARY" etcd --data-dir "$DIR/etcd" --unsafe-no-fsync \
    --listen-client-urls "http://127.0.0.1:$ETCD_PORT" --advertise-client-urls "http://127.0.0.1:$ETCD_PORT" \
    --listen-peer-urls "http://127.0.0.1:$PEER_PORT" --initial-advertise-peer-urls "http://127.0.0.1:$PEER_PORT" \
    --initial-cluster "default=http://127.0.0.1:$PEER_PORT"
  run containerd containerd --config "$DIR/containerd.toml"
  api_server
  wait_for 'the API server' 60 ask "https://127.0.0.1:$API_PORT/readyz"
  write_kubeconfig
  run controllers "$BINARY" kube-controller-manager --kubeconfig="$DIR/kubeconfig" --leader-elect=false --secure-port=0 \
    --service-account-private-key-file="$DIR/accounts.key" --use-service-account-credentials \
    --node-monitor-grace-period=16s --node-monitor-period=2s --kube-api-qps=300 --kube-api-burst=600 --concurrent-job-syncs=20
  run scheduler "$BINARY" kube-scheduler --kubeconfig="$DIR/kubeconfig" --leader-elect=false --secure-port=0 \
    --kube-api-qps=300 --kube-api-burst=600
  wait_for 'containerd' 30 ctr -a "$DIR/containerd.sock" version
  import_image "$PAUSE_IMAGE" '["/bin/sleep","100000000"]'
  import_image fog-test/busybox:1 '["/bin/sleep","3600"]'
  run kubelet "$BINARY" kubelet --kubeconfig="$DIR/kubeconfig" --config="$DIR/kubelet.yaml" --root-dir="$DIR/kubelet" \
    --cert-dir="$DIR/kubelet-certs" --hostname-override=test-machine --node-ip=$MACHINE_ADDRESS
  wait_for 'the machine to be ready' 60 machine_is_ready
  wait_for 'the service account of the default namespace' 30 ask "https://127.0.0.1:$API_PORT/api/v1/namespaces/default/serviceaccounts/default"
  printf 'Kubernetes %s is ready: KUBECONFIG_FOR_TESTS=%s\n' "$VERSION" "$DIR/kubeconfig"
}

# A machine that is silent loses its Pods after seconds here, and after five minutes elsewhere.
api_server() {
  run api-server "$BINARY" kube-apiserver --etcd-servers="http://127.0.0.1:$ETCD_PORT" --cert-dir="$DIR/api-certs" \
    --service-cluster-ip-range=10.96.0.0/16 --service-account-key-file="$DIR/accounts.pub" \
    --service-account-signing-key-file="$DIR/accounts.key" --service-account-issuer=https://fog.test \
    --token-auth-file="$DIR/tokens.csv" --authorization-mode=RBAC --secure-port="$API_PORT" --bind-address=127.0.0.1 \
    --allow-privileged=false --kubelet-preferred-address-types=InternalIP \
    --default-not-ready-toleration-seconds=5 --default-unreachable-toleration-seconds=5
}

# One hierarchy (v2), or one for each controller (v1).
make_cgroup() {
  local hierarchy controller
  [ -n "$CGROUP" ] || return 0
  for hierarchy in "$CGROUPS" "$CGROUPS"/*; do
    [ -f "$hierarchy/cgroup.procs" ] || continue
    [ "$hierarchy" = "$CGROUPS" ] || [ ! -f "$CGROUPS/cgroup.procs" ] || continue
    mkdir -p "$hierarchy/$CGROUP"
  done
  for controller in $(cat "$CGROUPS/cgroup.controllers" 2>/dev/null || true); do
    echo "+$controller" >"$CGROUPS/cgroup.subtree_control" 2>/dev/null || true
  done
  for controller in cpus mems; do
    [ ! -f "$CGROUPS/cpuset/cpuset.$controller" ] || cat "$CGROUPS/cpuset/cpuset.$controller" >"$CGROUPS/cpuset/$CGROUP/cpuset.$controller"
  done
}

machine_is_ready() { ask "https://127.0.0.1:$API_PORT/api/v1/nodes/test-machine" | grep -q '"reason": *"KubeletReady"'; }

end_part() { # name
  if [ -f "$DIR/$1.pid" ]; then kill -KILL -- "-$(cat "$DIR/$1.pid")" 2>/dev/null || true; fi
}

stop() {
  for name in kubelet controllers scheduler api-server etcd; do end_part "$name"; done
  if [ -S "$DIR/containerd.sock" ]; then
    ctr -a "$DIR/containerd.sock" -n k8s.io tasks list -q 2>/dev/null | while read -r task; do
      ctr -a "$DIR/containerd.sock" -n k8s.io tasks kill -s KILL "$task" >/dev/null 2>&1 || true
    done
    sleep 1
  fi
  end_part containerd
  pkill -KILL -f "containerd-shim.*$DIR/containerd.sock" 2>/dev/null || true
  { grep -o " $DIR/[^ ]*" /proc/mounts || true; } | sort -r | while read -r mounted; do umount -l "$mounted" 2>/dev/null || true; done
  for link in "$POD_LINK" "$MACHINE_LINK"; do ip link delete "$link" 2>/dev/null || true; done
  rm -rf "$DIR"
}

[[ $NUMBER =~ ^[0-7]$ ]] || fail 'TEST_CLUSTER is the number of a cluster: 0 to 7.'
case "${1:-}" in
  build) build ;;
  start | stop)
    DIR="$(realpath -m "${2:?the folder of the cluster}")"
    "$1"
    ;;
  kill | again)
    DIR="$(realpath -m "${2:?the folder of the cluster}")"
    [ -f "$DIR/${3:?the name of the process}.sh" ] || fail "There is no process $3 in $DIR."
    if [ "$1" = again ]; then
      begin "$3"
    else
      end_part "$3"
      while is_running "$3"; do sleep 0.05; done
    fi
    ;;
  *) fail "Usage: $0 build | start FOLDER | stop FOLDER | kill FOLDER PART | again FOLDER PART" ;;
esac
