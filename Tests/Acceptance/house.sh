#!/usr/bin/env bash
# Goes down what the modules promise, on the built program and tests: each check prints the figures that it saw and
# `ok` or `FAILED`.
#
#   Tests/Acceptance/house.sh                    all checks
#   Tests/Acceptance/house.sh goldens level      some of them
#
# `intents` trains nine generators and takes hours: what it has trained is kept in runs/house and not trained again.
# `level` needs the program of before, by DENJU_OLD, and GSM8K's test.jsonl in ../shared/data/gsm8k or where
# DENJU_GSM8K says (the folder). DENJU_CORE pins long work to a core.
set -euo pipefail
cd "$(dirname "$0")/../.."

checks=(goldens registries reference lora memory import intents batched engines level suite)
denju=${DENJU_PROGRAM:-.build/release/denju}
smollm2=.build/models/smollm2-135m-instruct
minilm=.build/models/all-minilm-l6-v2
gsm8k=${DENJU_GSM8K:-../shared/data/gsm8k}
export DENJU_SMOLLM2=$PWD/$smollm2/SmolLM2-135M-Instruct.Q4_1.gguf DENJU_MINILM=$PWD/$minilm
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

verdict() { # STATUS WHAT
  if [ "$1" -eq 0 ]; then echo "ok: $2"; else echo "FAILED: $2"; failures=$((failures + 1)); fi
}

tests() { # FILTER WHAT: tests by name, on what `swift build --build-tests` built; some must be there.
  local status=0 counted
  counted=$(Tests/run.sh --filter "$1" | tail -n 1) || status=$?
  echo "$counted"
  case $counted in "0 passed"*) status=1 ;; esac
  verdict "$status" "$2"
}

pinned() { if [ -n "${DENJU_CORE:-}" ]; then taskset -c "$DENJU_CORE" "$@"; else "$@"; fi; }

check_goldens() { tests 'GoldenTests' "goldens, and files of before open, answer, evaluate and resume"; } # 1

check_registries() { tests 'ExtensionTests' "toys of every kind through the registries, with no file of Sources touched"; } # 2

check_reference() { tests 'ReferenceTests' "states, logits, losses, gradients and AdamW steps of independent code"; } # 3

check_lora() { tests 'FrozenPartsTests|MergedTensorsTests|LinearLayerTests|LlamaGeneratorTests' "merged equals unmerged, frozen bytes stay"; } # 4

check_memory() { # 4: what a training with a frozen backbone takes of memory, and what its plan named.
  local status=0
  head -n 200 Pipelines/intents/train-10-per-intent.jsonl >"$scratch/rows.jsonl"
  "$denju" precompute --source "$smollm2" --train "$scratch/rows.jsonl" --cache "$scratch/memory.sqlite" 2>"$scratch/log"
  python3 - "$denju" "$smollm2" "$scratch" <<'END' || status=1
import json, os, subprocess, sys

program, model, scratch = sys.argv[1:]
far = 0
for part in ("bridge", "lora:4"):
    words = [program, "train", "--cache", f"{scratch}/memory.sqlite", "--run", f"{scratch}/{part}", "--from", model, "--train", part, "--epochs", "1"]
    plan = json.loads(subprocess.run([*words, "--plan", "--json"], check=True, capture_output=True).stdout)
    child = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    planned, peak = sum(plan[part] for part in ("weightBytes", "optimizerBytes", "activationBytes")), used.ru_maxrss * 1024
    print(f"{part}: weights {plan['weightBytes'] / 1e6:.0f} MB, 12 bytes for each of {plan['parameters']} parameters {plan['optimizerBytes'] / 1e6:.0f} MB, "
          f"activations {plan['activationBytes'] / 1e6:.0f} MB, together {planned / 1e6:.0f} MB; peak {peak / 1e6:.0f} MB, {peak / planned:.3f} of it")
    far += status != 0 or abs(peak / planned - 1) > 0.1
sys.exit(far > 0)
END
  verdict "$status" "the peak is the plan's within 10%"
}

check_import() { tests 'ImportCheckpointTests' "the published checkpoint's loss after its import"; } # 5

check_intents() { # 6: three seeds of three arms, in some hours on one core; resumable.
  local seed rows corpus status=0
  for rows in 770 4000; do
    corpus=Pipelines/intents/$([ "$rows" = 770 ] && echo train-10-per-intent || echo train).jsonl
    pinned "$denju" precompute --source "$minilm" --train "$corpus" --validation Pipelines/intents/validation.jsonl \
      --test Pipelines/intents/test.jsonl --cache "runs/house/$rows.sqlite"
    for seed in $([ "$rows" = 770 ] && echo 1 2 3 || echo 1); do
      for states in own shuffled none; do
        local run=runs/house/$rows-$seed-$states
        local resume=()
        [ -e "$run/run.json" ] && resume=(--resume)
        pinned "$denju" train --cache "runs/house/$rows.sqlite" --run "$run" --states "$states" --tokenizer "$smollm2" \
          --layers 4 --width 256 --heads 4 --positions 160 --epochs "$([ "$rows" = 770 ] && echo 15 || echo 6)" \
          --batch 32 --learning-rate 5e-4 --final-rate 0 --seed "$seed" "${resume[@]}"
      done
      [ -e "runs/house/$rows-$seed.json" ] || pinned "$denju" evaluate --run "runs/house/$rows-$seed-none" \
        --run "runs/house/$rows-$seed-shuffled" --run "runs/house/$rows-$seed-own" --max-new-tokens 16 --json \
        >"runs/house/$rows-$seed.json"
    done
  done
  python3 - runs/house <<'END' || status=1
import glob, json, sys

short = 0
for path in sorted(glob.glob(f"{sys.argv[1]}/*.json")):
    arms = {arm["states"]: arm for arm in json.load(open(path))["arms"]}
    own, none = arms["own"], arms["none"]
    interval = own["difference"]
    print(f"{path}: own {own['exactMatch']:.3f}, shuffled {arms['shuffled']['exactMatch']:.3f}, none {none['exactMatch']:.3f}, "
          f"own minus none {interval['mean']:+.3f} [{interval['lower']:+.3f}, {interval['upper']:+.3f}], {own['documents']} rows")
    if "/770-" in path:
        short += own["exactMatch"] < 0.75 or interval["mean"] < 0.15
sys.exit(short > 0)
END
  verdict "$status" "ten rows an intent: own at least 0.75, and 0.15 above none"
}

check_batched() { tests 'SteppingTests|GenerationEngineTests' "16 sessions in one step have the bits of each alone"; } # 7

check_engines() { # 8
  local engine status=0
  for engine in openblas avx2 portable; do
    echo "-- DENJU_SIMD=$engine"
    DENJU_SIMD=$engine Tests/run.sh | tail -n 1 || status=1
  done
  verdict "$status" "the suite passes with each engine"
}

check_level() { # 9: old and new by turns, 15 rounds; the paired ratio of user CPU time.
  local old=${DENJU_OLD:?the program of before}
  head -n 12 "$gsm8k/test.jsonl" >"$scratch/rows.jsonl"
  python3 - "$old" "$denju" "$smollm2" "$scratch" "${DENJU_ROUNDS:-15}" <<'END' || { verdict 1 "level"; return; }
import math, os, resource, shutil, subprocess, sys

old, new, source, scratch, rounds = *sys.argv[1:5], int(sys.argv[5])


def seconds(program, *arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([program, *arguments], check=True, stderr=subprocess.DEVNULL, env={**os.environ, "DENJU_THREADS": "1"})
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def work(stage, program):
    if stage == "precompute":
        cache = f"{scratch}/new.sqlite"
        for end in ("", "-wal", "-shm", ".lock"):
            if os.path.exists(cache + end):
                os.remove(cache + end)
        return seconds(program, "precompute", "--source", source, "--train", f"{scratch}/rows.jsonl", "--conditioning", "aligned", "--cache", cache)
    shutil.rmtree(f"{scratch}/run", ignore_errors=True)
    return seconds(program, "train", "--cache", f"{scratch}/{stage}.sqlite", "--run", f"{scratch}/run", "--conditioning", stage,
                   "--epochs", "2", "--positions", "1024")


for coverage in ("prompt", "aligned"):
    seconds(old, "precompute", "--source", source, "--train", f"{scratch}/rows.jsonl", "--conditioning", coverage, "--cache", f"{scratch}/{coverage}.sqlite")
slow = 0
for stage in ("precompute", "prompt", "aligned"):
    ratios = []
    for round in range(rounds):
        pair = [work(stage, program) for program in ((old, new) if round % 2 == 0 else (new, old))]
        ratios.append(pair[0] / pair[1] if round % 2 == 0 else pair[1] / pair[0])
    mean = sum(ratios) / rounds
    half = 2.145 * math.sqrt(sum((ratio - mean) ** 2 for ratio in ratios) / (rounds - 1) / rounds) if rounds > 1 else 0
    print(f"{stage}: old/new {mean:.3f} [{mean - half:.3f}, {mean + half:.3f}]")
    slow += mean - half <= 0.97
sys.exit(slow > 0)
END
  verdict 0 "stage one and both trainings are as fast as before"
}

check_suite() { # 9: the suite's time, building apart.
  local status=0 began
  began=$(date +%s)
  Tests/run.sh | tail -n 1 || status=$?
  echo "$(($(date +%s) - began)) s"
  verdict "$status" "the suite"
}

for check in "${@:-${checks[@]}}"; do
  echo "== $check"
  # In an `if`, so that a check that fails doesn't end the others.
  if ! "check_$check"; then verdict 1 "$check"; fi
done
echo "$failures checks failed"
[ "$failures" -eq 0 ]
