#!/usr/bin/env bash
# Builds Traefik from its Go module, once, into the cache of this machine, and prints where it is. It needs Go 1.26.
#
# Two modules are not what a release has, because no module proxy hands them out: its list of providers of DNS challenges, which
# leads to a hundred more, is replaced by an empty one, and its basic authentication is of an older state. Routing is untouched.
set -euo pipefail

readonly VERSION=3.7.13 MODULE=github.com/traefik/traefik/v3
readonly OLDER_AUTHENTICATION=github.com/containous/go-http-auth@v0.4.1-0.20200324110947-a37a7636d23e
readonly CACHE="${TRAEFIK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fog-compute}"
readonly BINARY="$CACHE/traefik-$VERSION"

if [ -x "$BINARY" ]; then
  printf '%s\n' "$BINARY"
  exit 0
fi
command -v go >/dev/null || {
  echo 'Traefik is built with Go 1.26 or newer, and there is no Go.' >&2
  exit 1
}

WORK="$(mktemp -d "${TMPDIR:-/tmp}/fog-traefik-XXXXXX")"
trap 'rm -rf "$WORK"' EXIT
(cd "$WORK" && go mod download -json "$MODULE@v$VERSION" >module.json)
cp -r "$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).Dir' "$WORK/module.json")" "$WORK/source"
chmod -R u+w "$WORK/source"
cd "$WORK/source"

# A module of its own in Traefik's repository, for members of the configuration that only the paid Traefik has.
mkdir -p pkg/config/dynamic/ext pkg/nodns
printf 'module github.com/traefik/traefik/dynamic/ext\n\ngo 1.22\n' >pkg/config/dynamic/ext/go.mod
cat >pkg/config/dynamic/ext/ext.go <<'GO'
package ext

type HTTP struct{}
type Router struct{}
type RouterIng struct{}

func (RouterIng) ToRouter() Router { return Router{} }
GO
cat >pkg/nodns/nodns.go <<'GO'
package nodns

import (
	"errors"

	"github.com/go-acme/lego/v5/challenge"
)

func NewDNSChallengeProviderByName(string) (challenge.Provider, error) {
	return nil, errors.New("built without DNS challenges")
}
GO
sed -i "s|\"github.com/go-acme/lego/v5/providers/dns\"|dns \"$MODULE/pkg/nodns\"|" pkg/provider/acme/provider.go
go mod edit -replace "github.com/abbot/go-http-auth=$OLDER_AUTHENTICATION"

mkdir -p "$CACHE"
CGO_ENABLED=0 go build -mod=mod -trimpath -o "$BINARY.new" -ldflags "-s -w -X $MODULE/pkg/version.Version=$VERSION" ./cmd/traefik
mv "$BINARY.new" "$BINARY"
printf '%s\n' "$BINARY"
