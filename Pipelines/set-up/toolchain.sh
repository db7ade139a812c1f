#!/usr/bin/env bash
# Fails with one clear line where there is no Swift toolchain, or one that is too old.
set -euo pipefail

needed=6.2

if ! command -v swift >/dev/null; then
  echo "set-up: no \`swift\` on the PATH: install Swift $needed or newer (swift.org/install), then run this again" >&2
  exit 1
fi
found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
oldest=$(printf '%s\n' "$needed" "${found:-0}" | sort -V | head -n 1)
if [ "$oldest" != "$needed" ]; then
  echo "set-up: $(command -v swift) is Swift ${found:-of an unknown version}: Swift $needed or newer is needed (swift.org/install)" >&2
  exit 1
fi
