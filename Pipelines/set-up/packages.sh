#!/usr/bin/env bash
# Installs the Debian packages that the build and the demo need and that are missing. Does nothing where
# all are there.
set -euo pipefail

missing=()
need() { # PACKAGE COMMAND...: the package is missing unless the command succeeds
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

need pkg-config command -v pkg-config
need libsqlite3-dev test -e /usr/include/sqlite3.h
need libzstd-dev test -e /usr/include/zstd.h
# Loaded while the program runs, in whichever of its builds; `ldconfig` is not on everyone's PATH.
need libopenblas0 sh -c 'PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep -q "libopenblas\.so\.0 "'
need sqlite3 command -v sqlite3
need python3 command -v python3
need python3-pip python3 -m pip --version

[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "set-up: install what these Debian packages hold, then run this again: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "set-up: as root, run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "set-up: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
