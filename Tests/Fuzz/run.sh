#!/usr/bin/env bash
# Fuzzes each parser for so many seconds, with libFuzzer and AddressSanitizer, from the corpus beside this file.
# What it finds that takes a new path is added there, as small as it gets; a crash is named and kept in .build/fuzz.
# Builds for itself in .build/fuzz, some ten minutes the first time.
#
#   Tests/Fuzz/run.sh SECONDS [records|fits|gguf|safetensors|tokenizer|rows ...]
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=$1
shift
targets=("${@:-}")
[ -n "${targets[0]}" ] || targets=(records fits gguf safetensors tokenizer rows)

DENJU_FUZZ=1 swift build -c release --build-path .build/fuzz --product denju-fuzz --sanitize address \
  -Xswiftc -sanitize=fuzzer 2>&1 | tail -n 1
program=.build/fuzz/release/denju-fuzz
failures=0
for target in "${targets[@]}"; do
  corpus=Tests/Fuzz/corpus/$target
  folder=$(mktemp -d /dev/shm/denju-fuzz.XXXXXX)
  found=$(mktemp -d)
  cp "$corpus"/* "$found"/
  # Leaks are looked for by no test here: Swift's runtime keeps what it made once.
  status=0
  ASAN_OPTIONS=detect_leaks=0 "$program" --target="$target" --folder="$folder" -max_total_time="$seconds" -max_len=65536 \
    -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix=".build/fuzz/$target-" "$found" >".build/fuzz/$target.log" 2>&1 || status=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' ".build/fuzz/$target.log")
  if [ "$status" -eq 0 ]; then
    echo "ok: $target: ${runs:-no} inputs in $seconds s, nothing found"
  else
    echo "FAILED: $target: see .build/fuzz/$target.log"
    failures=$((failures + 1))
  fi
  # The fewest inputs that take all paths, the small ones alone: this corpus is part of the tests.
  small=4096
  [ "$target" != fits ] || small=16384
  ASAN_OPTIONS=detect_leaks=0 "$program" --target="$target" --folder="$folder" -set_cover_merge=1 \
    -max_len="$small" -verbosity=0 "$corpus" "$found" >>".build/fuzz/$target.log" 2>&1 || true
  rm -rf "$folder" "$found"
done
exit "$failures"
