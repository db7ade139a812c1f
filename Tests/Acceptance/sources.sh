#!/usr/bin/env bash
# Goes down what is promised of sources, layers and streams, on the built program and tests: each check prints the
# figures that it saw and `ok` or `FAILED`.
#
#   Tests/Acceptance/sources.sh                    all checks
#   Tests/Acceptance/sources.sh layers streams     some of them
#
# `converted` needs llama.cpp's sources by DENJU_LLAMA_CPP and a Python with what they import by DENJU_PYTHON; `probe` is
# probe.sh, which says what it needs. `banking` trains 36 generators and takes hours, `cities` 18: what was trained is
# kept in runs/sources and not trained again. DENJU_CORE pins long work to a core.
set -euo pipefail
cd "$(dirname "$0")/../.."

checks=(vectors converted bits tokenizers layers streams probe banking cities)
denju=${DENJU_PROGRAM:-.build/release/denju}
python=${DENJU_PYTHON:-python3}
smollm2=.build/models/smollm2-135m-instruct
minilm=.build/models/all-minilm-l6-v2
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

kept() { # FILE ARGUMENTS: what the program prints, in a file that is there only when it is whole.
  local file=$1
  shift
  pinned "$denju" "$@" >"$file.tmp"
  mv "$file.tmp" "$file"
}

check_vectors() { tests 'FamilyFolderTests|ReferenceTests' "states, logits, losses and gradients of independent code"; } # 1

check_converted() { # 1: the shared folders as llama.cpp's converter writes them.
  local folder
  for folder in ../shared/reference/tiny-*; do ln -s "$(realpath "$folder")" "$scratch/"; done
  "$python" Tests/Reference/family_vectors.py "$scratch" --only-convert --converter "${DENJU_LLAMA_CPP:?the folder of llama.cpp}"
  ls "$scratch/gguf"
  DENJU_REFERENCE=$scratch tests 'aConvertedFileGivesTheFoldersStates' "converted to GGUF, each gives its safetensors' states"
}

check_bits() { tests 'FamilyBitsTests' "each family's states have the same bits however computed; int8 below 3%"; } # 2

check_tokenizers() { tests 'TokenizationTests' "ids, texts and conversations of tokenizers, sentencepiece and jinja2"; } # 3

check_layers() { # 4: by turns, one thread; seconds of user CPU.
  tests 'SeveralLayersTests|SourceSessionTests' "a stream a layer from one pass is each layer's own"
  local status=0
  head -n 400 Pipelines/intents/train.jsonl >"$scratch/rows.jsonl"
  python3 - "$denju" "$smollm2" "$scratch" "${DENJU_ROUNDS:-5}" <<'END' || status=1
import os, resource, subprocess, sys

program, source, scratch, rounds = *sys.argv[1:4], int(sys.argv[4])
cache = f"{scratch}/layers.sqlite"
ratios = []
for _ in range(rounds):
    seconds = []
    for layers in (["--layer", "-1"], ["--layers", "10,20,-1"]):
        for end in ("", "-wal", "-shm", ".lock"):
            if os.path.exists(cache + end):
                os.remove(cache + end)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run([program, "precompute", "--source", source, "--train", f"{scratch}/rows.jsonl", "--cache", cache, *layers],
                       check=True, stderr=subprocess.DEVNULL, env={**os.environ, "DENJU_THREADS": "1"})
        seconds.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    ratios.append(seconds[1] / seconds[0])
print(f"three layers over one: {', '.join(f'{ratio:.3f}' for ratio in ratios)}")
sys.exit(sorted(ratios)[len(ratios) // 2] > 1.15)
END
  verdict "$status" "three layers cost at most 1.15 times one"
}

check_streams() { # 5
  tests 'SeveralStreamsTests|SharedDocumentTests|CausalityTests|BatchTests|DecodingTests|ActivationCounterTests' \
    "several streams: training, resuming, hit and recompute, leaving out, export, verify, purge"
}

check_probe() { # 6
  local status=0
  Tests/Acceptance/probe.sh || status=$?
  verdict "$status" "denju probe"
}

check_banking() { # 7: each reading's generators, by three seeds; resumable.
  local rows corpus seed arm streams run status=0
  for rows in 770 4000; do
    corpus=Pipelines/intents/$([ "$rows" = 770 ] && echo train-10-per-intent || echo train).jsonl
    local cache=runs/sources/$rows.sqlite sets=(--train "$corpus" --validation Pipelines/intents/validation.jsonl --test Pipelines/intents/test.jsonl)
    mkdir -p runs/sources
    pinned "$denju" precompute --source "$smollm2" "${sets[@]}" --cache "$cache" --layers 10,20,-1
    pinned "$denju" precompute --source "$minilm" "${sets[@]}" --cache "$cache" --beside
    "$denju" cache stats "$cache" --view by_source --json >"runs/sources/$rows.bytes"
    for seed in 1 2 3; do
      [ -s "runs/sources/$rows-$seed.json" ] && continue
      local runs=()
      # The streams of an arm, in the order of the cache's: layers 10, 20 and last of SmolLM2, then MiniLM's last.
      for arm in "none 4" "shuffled 4" "last 3" "minilm 4" "both 3 4" "three 1 2 3"; do
        read -r arm streams <<<"$arm"
        run=runs/sources/$rows-$seed-$arm
        runs+=(--run "$run")
        # What reads the states reads nothing else: validation has it higher than with the prompt's own tokens beside.
        local resume=() states=own reading=(--reader pooled --generator-prompt none)
        [ -e "$run/run.json" ] && resume=(--resume)
        case $arm in none) states=none reading=() ;; shuffled) states=shuffled ;; esac
        # shellcheck disable=SC2086
        pinned "$denju" train --cache "$cache" --run "$run" $(printf -- '--stream %s ' $streams) --states "$states" \
          --tokenizer "$smollm2" --layers 4 --width 256 --heads 4 --positions 160 --batch 32 --learning-rate 5e-4 \
          --epochs "$([ "$rows" = 770 ] && echo 15 || echo 6)" --final-rate 0 --seed "$seed" "${reading[@]}" "${resume[@]}"
      done
      kept "runs/sources/$rows-$seed.json" evaluate "${runs[@]}" --max-new-tokens 16 --beams 8 --json
      # 200 MB of moments a run, which nothing resumes now.
      rm -rf "runs/sources/$rows-$seed-"*/last
    done
    [ -s "runs/sources/$rows.probe" ] || kept "runs/sources/$rows.probe" probe --cache "$cache" --set test --json
  done
  python3 - runs/sources <<'END' || status=1
import collections, glob, json, sys

folder = sys.argv[1]
streams = {"last": {3}, "minilm": {4}, "both": {3, 4}, "three": {1, 2, 3}}
short = []
for rows in ("770", "4000"):
    size = {int(row["stream"]): float(row["bytes_per_token"]) for row in map(json.loads, open(f"{folder}/{rows}.bytes"))}
    readings = [line["reading"] for line in map(json.loads, open(f"{folder}/{rows}.probe")) if "reading" in line]
    found = collections.defaultdict(list)
    for path in sorted(glob.glob(f"{folder}/{rows}-?.json")):
        for arm in json.load(open(path))["arms"]:
            found[arm["name"].split("-", 2)[2]].append(arm)
    for name, arms in found.items():
        matches = [arm["exactMatch"] for arm in arms]
        mean, own = sum(matches) / len(matches), streams.get(name, set())
        line = f"{rows} rows, {name}: {', '.join(f'{match:.3f}' for match in matches)}; mean {mean:.3f}"
        line += f"; {sum(size[number] for number in own):.0f} bytes a token" if own else ""
        line += f"; {1000 * sum(arm['secondsPerAnswer'] for arm in arms) / len(arms):.1f} ms an answer"
        if own:
            # The best of what can be read out linearly of the arm's streams and their pairs.
            probe = max(
                reading["score"]["accuracy"] for reading in readings if {stream["number"] for stream in reading["streams"]} <= own
            )
            line += f"; its best probe {probe:.3f}"
            if len(matches) < 3 or mean < probe - 0.02:
                short.append(f"{rows} {name}")
        print(line)
print("below its own probe by more than 0.02, or not there:", ", ".join(short) or "none")
sys.exit(bool(short))
END
  verdict "$status" "three seeds of six readings at 770 and 4,000 rows"
}

trained_cities() { # NAME ROWS SEED READING...: a generator of the demo's size, and its answers; resumable.
  local run=runs/sources/cities-$1 cache=runs/sources/cities-$2.sqlite seed=$3
  shift 3
  [ -s "$run.json" ] && return
  local resume=()
  [ -e "$run/run.json" ] && resume=(--resume)
  pinned "$denju" train --cache "$cache" --run "$run" --layers 4 --width 256 --heads 4 --positions 64 --batch 32 \
    --learning-rate 5e-4 --epochs 12 --final-rate 0 --seed "$seed" "$@" "${resume[@]}"
  kept "$run.json" evaluate --run "$run" --max-new-tokens 16 --json
  rm -rf "$run/last"
}

check_cities() { # 8: the reading that five folds of the 1,000 training and validation rows choose, on the test rows.
  local fold seed name status=0 folder=runs/sources
  mkdir -p "$folder"
  python3 - "$folder" <<'END'
import random, sys

rows = [line for name in ("train", "validation") for line in open(f"Pipelines/quickstart/{name}.jsonl")]
random.Random(11).shuffle(rows)
for fold in range(5):
    held = rows[200 * fold : 200 * (fold + 1)]
    rest = rows[: 200 * fold] + rows[200 * (fold + 1) :]
    # Of the rest, 60 choose the checkpoint.
    for name, part in (("test", held), ("validation", rest[:60]), ("train", rest[60:])):
        open(f"{sys.argv[1]}/cities-{fold}-{name}.jsonl", "w").writelines(part)
END
  local rest="--reader pooled --generator-prompt none"
  local readings=("last --stream 3 --reader attention" "pooled --stream 3 $rest" "layers --stream 1 --stream 2 --stream 3 $rest")
  for fold in 0 1 2 3 4; do
    local base=$folder/cities-$fold
    pinned "$denju" precompute --source "$smollm2" --train "$base-train.jsonl" --validation "$base-validation.jsonl" \
      --test "$base-test.jsonl" --cache "$base.sqlite" --layers 10,20,-1
    for name in "${readings[@]}"; do
      # shellcheck disable=SC2086
      trained_cities "$fold-${name%% *}" "$fold" 1 ${name#* }
    done
  done
  local chosen
  chosen=$(python3 - "$folder" <<'END'
import json, sys

found = {}
for name in ("last", "pooled", "layers"):
    arms = [json.load(open(f"{sys.argv[1]}/cities-{fold}-{name}.json"))["arms"][0] for fold in range(5)]
    found[name] = sum(arm["exactMatch"] for arm in arms) / 5
    print(f"five folds, {name}: {', '.join('%.3f' % arm['exactMatch'] for arm in arms)}; mean {found[name]:.3f}", file=sys.stderr)
print(max(found, key=found.get))
END
  )
  echo "chosen: $chosen"
  pinned "$denju" precompute --source "$smollm2" --train Pipelines/quickstart/train.jsonl --validation Pipelines/quickstart/validation.jsonl \
    --test Pipelines/quickstart/test.jsonl --cache "$folder/cities-all.sqlite" --layers 10,20,-1
  for name in "${readings[@]}"; do
    [ "${name%% *}" = "$chosen" ] || continue
    for seed in 1 2 3; do
      # shellcheck disable=SC2086
      trained_cities "all-$seed" all "$seed" ${name#* }
    done
  done
  python3 - "$folder" <<'END' || status=1
import json, sys

matches = [json.load(open(f"{sys.argv[1]}/cities-all-{seed}.json"))["arms"][0]["exactMatch"] for seed in (1, 2, 3)]
print(f"test rows: {', '.join('%.3f' % match for match in matches)}; mean {sum(matches) / 3:.3f}")
sys.exit(sum(matches) / 3 < 0.58)
END
  verdict "$status" "cities: at least 0.58 with what cross-validation chose"
}

for check in "${@:-${checks[@]}}"; do
  echo "== $check"
  # In an `if`, so that a check that fails doesn't end the others.
  if ! "check_$check"; then verdict 1 "$check"; fi
done
echo "$failures checks failed"
[ "$failures" -eq 0 ]
