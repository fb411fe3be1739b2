#!/bin/sh
# Makes ./configure after a clone; a release tarball has it already.
set -eu
cd "$(dirname "$0")"
mkdir -p m4
exec autoreconf --force --install "$@"
