#!/usr/bin/env bash
# Runs the tests that `swift build --build-tests` built, and closes with a line that counts those that passed,
# failed and were skipped, with the skipped ones' reasons above it. Arguments go to `swift test`.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
swift test -c release --skip-build --disable-xctest "$@" 2>&1 | tee "$log" || status=$?

# Swift Testing's lines: a symbol, `Test NAME`, and what became of it. The run's own line begins `Test run with`.
ended() {
  sed -E 's/\x1b\[[0-9;]*m//g' "$log" | grep -E "^[^ ]+ +Test .+ $1" | grep -vE '^[^ ]+ +Test (run with|case) ' || true
}
count() { ended "$1" | wc -l; }

ended 'skipped[.:]' | sort
echo "$(count 'passed after') passed, $(count 'failed after') failed, $(count 'skipped[.:]') skipped"
exit "$status"
