#!/usr/bin/env bash
# Goes down what `denju probe` promises, on the built program, as first-light.sh does: each check prints the figures
# that it saw and `ok` or `FAILED`.
#
#   Tests/Acceptance/probe.sh                    all checks
#   Tests/Acceptance/probe.sh cities seconds     some of them
#
# `cities`, `ten` and `full` compare the read-outs with scikit-learn's of the exported states, and need a Python with
# scikit-learn and safetensors, by DENJU_PYTHON; `full`, of 4,000 rows, takes hours of a core the first time. DENJU_UNITS
# limits what of it is compared, as "1 2"; the caches, and scikit-learn's figures, are kept in runs/probe, or where
# DENJU_CACHES says.
set -euo pipefail
cd "$(dirname "$0")/../.."

checks=(cities ten full seconds)
denju=${DENJU_PROGRAM:-.build/release/denju}
python=${DENJU_PYTHON:-python3}
smollm2=.build/models/smollm2-135m-instruct
minilm=.build/models/all-minilm-l6-v2
caches=${DENJU_CACHES:-runs/probe}
mkdir -p "$caches"
failures=0

verdict() { # STATUS WHAT
  if [ "$1" -eq 0 ]; then echo "ok: $2"; else echo "FAILED: $2"; failures=$((failures + 1)); fi
}

cached() { # NAME TRAIN VALIDATION: an encoder's and a decoder's last states, of what is not there yet.
  local model
  for model in "$minilm" "$smollm2"; do
    "$denju" precompute --source "$model" --beside --train "$2" --validation "$3" --cache "$caches/$1.sqlite" 2>"$caches/log"
  done
}

compared() { # NAME
  local stream set status=0
  for stream in 1 2; do
    for set in train validation; do
      "$denju" cache export "$caches/$1.sqlite" --stream "$stream" --split "$set" --out "$caches/$1-$stream-$set.safetensors" 2>"$caches/log"
    done
  done
  "$denju" probe --cache "$caches/$1.sqlite" --json >"$caches/$1.jsonl" 2>"$caches/log"
  OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} "$python" Tests/Acceptance/read_out.py "$caches/$1" "${DENJU_UNITS:-1 2 1+2}" || status=1
  verdict "$status" "$1: within 0.02 of scikit-learn's read-out of the exported states"
}

check_cities() { # The test set's 300 cities beside the 100 for validation: of 100 rows two are 0.02.
  local rows=Pipelines/quickstart
  cat "$rows/validation.jsonl" "$rows/test.jsonl" >"$caches/cities-scored.jsonl"
  cached cities "$rows/train.jsonl" "$caches/cities-scored.jsonl"
  compared cities
}

check_ten() {
  cached ten Pipelines/intents/train-10-per-intent.jsonl Pipelines/intents/validation.jsonl
  compared ten
}

check_full() {
  cached full Pipelines/intents/train.jsonl Pipelines/intents/validation.jsonl
  compared full
}

check_seconds() { # 4,000 prompts of two streams, and their pair.
  local began ended
  cached full Pipelines/intents/train.jsonl Pipelines/intents/validation.jsonl
  began=$(date +%s%N)
  "$denju" probe --cache "$caches/full.sqlite" 2>"$caches/log"
  ended=$(date +%s%N)
  echo "$(((ended - began) / 1000000)) ms on $(nproc) CPUs, $(grep -m 1 'model name' /proc/cpuinfo | cut -d: -f2)"
  verdict "$((ended - began >= 30000000000))" "4,000 prompts of two streams in less than 30 s"
}

for check in "${@:-${checks[@]}}"; do
  echo "== $check"
  # In an `if`, so that a check that fails doesn't end the others.
  if ! "check_$check"; then verdict 1 "$check"; fi
done
echo "$failures checks failed"
[ "$failures" -eq 0 ]
