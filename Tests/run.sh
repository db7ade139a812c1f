#!/usr/bin/env bash
# Runs the tests that `swift build --build-tests` built, and closes with a line that counts those that passed,
# failed and were skipped, with the skipped ones' reasons above it. Arguments go to `swift test`.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0
swift test -c release --skip-build --disable-xctest --xunit-output "$folder/results.xml" "$@" 2>&1 |
  tee "$folder/log" || status=$?

# What is printed may lose lines when tests print much at once; the results' file counts them all.
results=$(grep -h -m 1 '<testsuite ' "$folder"/results*.xml 2>/dev/null) || {
  echo "the tests ended before their end"
  exit 1
}
count() { sed -E "s/.* $1=\"([0-9]+)\".*/\1/" <<<"$results"; }

sed -E 's/\x1b\[[0-9;]*m//g' "$folder/log" | grep -E '^[^ ]+ +(Test|Suite) .+ skipped[.:]' |
  grep -vE '^[^ ]+ +Test case ' | sort -u || true
echo "$(($(count tests) - $(count failures))) passed, $(count failures) failed, $(count skipped) skipped"
exit "$status"
