#!/usr/bin/env bash
# Goes down what the feature cache promises, on the built program: each check prints the figures that it saw and
# `ok` or `FAILED`.
#
#   Tests/Acceptance/feature-cache.sh               all checks
#   Tests/Acceptance/feature-cache.sh store kills   some of them
#
# Needs GSM8K's train.jsonl and test.jsonl in ../shared/data/gsm8k or where DENJU_GSM8K says (the folder), SmolLM2's
# tokenizer.json in ../shared/tokenizers/smollm2 or where DENJU_TOKENIZER says, and 15 GB of disk for `store`.
set -euo pipefail
cd "$(dirname "$0")/../.."

checks=(codecs middle bytes answers rates store kills shards encryption datasette tests fuzz)
denju=.build/release/denju
source=.build/models/smollm2-135m-instruct
gsm8k=${DENJU_GSM8K:-../shared/data/gsm8k}
tokenizer=${DENJU_TOKENIZER:-../shared/tokenizers/smollm2/tokenizer.json}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

verdict() { # STATUS WHAT
  if [ "$1" -eq 0 ]; then echo "ok: $2"; else echo "FAILED: $2"; failures=$((failures + 1)); fi
}

# The whole curve at a layer, on so many tokens of GSM8K's test set, fitted on its train set, and every transform's bound.
compare_codecs() { # LAYER TOKENS
  local settings=(int8 int4 float16 transform:0.002 transform:0.005 transform:0.01 transform:0.03 transform:0.1)
  "$denju" cache codecs --source "$source" --corpus "$gsm8k/test.jsonl" --fit "$gsm8k/train.jsonl" --tokens "$2" \
    --layer "$1" --codec "$(IFS=,; echo "${settings[*]}")" --out "$scratch/layer$1"
  cat "$scratch/layer$1/codecs.csv"
  python3 - "$scratch/layer$1/codecs.csv" <<'END'
import csv, sys

over = 0
for row in csv.DictReader(open(sys.argv[1])):
    if not row["codec"].startswith("transform:"):
        continue
    allowance = float(row["codec"].split(":")[1])
    bound = float(row["added nats a token"]) + 1.96 * float(row["standard error"])
    print(f"{row['codec']}: at most {bound:+.5f} nats (95%), {row['bytes a token']} bytes of payload")
    over += bound > allowance
sys.exit(over)
END
  verdict $? "layer $1: each paired 95% bound keeps to its allowance"
}

check_codecs() { compare_codecs -1 10000000; } # 1: some 30 minutes.

check_middle() { compare_codecs 15 100000; } # 1: some 30 minutes.

check_bytes() { # 1: whole files, of all of GSM8K's test documents.
  local split allowance limit
  for split in train test; do
    python3 -c 'import json, sys
for line in sys.stdin:
    row = json.loads(line)
    print(json.dumps({"text": "Question: " + row["question"] + "\nAnswer: " + row["answer"]}))' \
      <"$gsm8k/$split.jsonl" >"$scratch/$split.jsonl"
  done
  for allowance in 0.005 0.03; do
    "$denju" precompute --source "$source" --train "$scratch/test.jsonl" --fit-corpus "$scratch/train.jsonl" \
      --conditioning aligned --cache "$scratch/$allowance.sqlite" --codec "transform:$allowance"
    limit=$([ "$allowance" = 0.005 ] && echo 200 || echo 120)
    python3 - "$scratch/$allowance.sqlite" "$limit" <<'END'
import os, sqlite3, sys

path, limit = sys.argv[1:]
tokens, = sqlite3.connect(path).execute("SELECT sum(tokens) FROM records").fetchone()
bytes_a_token = os.path.getsize(path) / tokens
print(f"{os.path.getsize(path)} bytes, {tokens} tokens: {bytes_a_token:.1f} bytes a token")
sys.exit(bytes_a_token > int(limit))
END
    verdict $? "transform:$allowance: at most $limit bytes of file a token"
  done
}

check_answers() { # 1: a demo generator's answers, trained on what the source computed, from the codec's states.
  local rows=(--train Pipelines/quickstart/train.jsonl --validation Pipelines/quickstart/validation.jsonl
    --test Pipelines/quickstart/test.jsonl) codec
  for codec in float16 transform:0.005; do
    "$denju" precompute --source "$source" "${rows[@]}" --cache "$scratch/$codec.sqlite" --codec "$codec"
  done
  "$denju" train --cache "$scratch/float16.sqlite" --run "$scratch/answering" --layers 4 --width 256 --heads 4 \
    --window 256 --positions 64 --bridge-heads 8 --adapter 64 --epochs 12 --batch 32 --learning-rate 5e-4 \
    --warmup 0.05 --final-rate 0 --loss response --seed 1
  "$denju" bench answers --run "$scratch/answering" --other "$scratch/transform:0.005.sqlite" --max-new-tokens 16 \
    --json >"$scratch/answers.json"
  python3 - "$scratch/answers.json" <<'END'
import json, sys

report = json.load(open(sys.argv[1]))
print(f"{report['unchanged']} of {report['documents']} answers unchanged")
sys.exit(report["unchanged"] < 0.97 * report["documents"])
END
  verdict $? "transform:0.005 leaves at least 97% of a demo generator's answers as they are"
}

check_rates() { # 2: of one core, with nothing else running.
  head -n 60 "$gsm8k/train.jsonl" >"$scratch/few.jsonl"
  "$denju" cache codecs --source "$source" --corpus "$gsm8k/test.jsonl" --fit "$scratch/few.jsonl" --tokens 20000 \
    --codec transform:0.005,transform:0.03 --json >"$scratch/rates.json"
  python3 - "$scratch/rates.json" <<'END'
import json, sys

slow = 0
for arm in json.load(open(sys.argv[1]))["arms"]:
    encoded, decoded = arm["encodedTokensPerSecond"], arm["decodedTokensPerSecond"]
    print(f"{arm['codec']}: encoded {encoded:.0f} tokens/s, decoded {decoded:.0f}")
    slow += encoded < 20000 or decoded < 50000
sys.exit(slow)
END
  verdict $? "a core encodes >= 20,000 tokens/s and decodes >= 50,000"
}

check_store() { # 2: a million records of 64 tokens.
  "$denju" bench cache --records 1000000 --json >"$scratch/store.json"
  python3 - "$scratch/store.json" <<'END'
import json, sys

report = json.load(open(sys.argv[1]))
overhead = report["fileBytes"] / report["payloadBytes"] - 1
print(f"{report['records']} records, {report['payloadBytes'] / 1e9:.2f} GB: open {report['openMilliseconds']:.1f} ms,", end=" ")
print(f"{report['readsPerSecond']:.0f} reads/s, {report['writesPerSecond']:.0f} writes/s, overhead {overhead:.1%}")
sys.exit(not (report["openMilliseconds"] < 50 and report["readsPerSecond"] >= 20000 and overhead < 0.1))
END
  verdict $? "a million records: open < 50 ms, >= 20,000 random reads/s, overhead < 10%"
}

check_kills() { # 3: SIGKILL at random moments.
  Tests/Acceptance/kills.py 200 "$tokenizer"
  verdict $? "200 kills of precompute, merge, purge and compact: opens, verifies, resumes to the same content"
}

check_shards() { # 7: four machines' shards, merged, against one run.
  local corpus=(--train Pipelines/quickstart/train.jsonl --validation Pipelines/quickstart/validation.jsonl
    --test Pipelines/quickstart/test.jsonl) shard digests
  "$denju" precompute --source "$source" "${corpus[@]}" --cache "$scratch/whole.sqlite"
  for shard in 1 2 3 4; do
    "$denju" precompute --source "$source" "${corpus[@]}" --cache "$scratch/part$shard.sqlite" --shard "$shard/4"
  done
  "$denju" cache merge "$scratch/merged.sqlite" "$scratch"/part[1-4].sqlite
  digests=$(for name in whole merged; do "$denju" cache digest "$scratch/$name.sqlite"; done | sort -u | wc -l)
  for name in whole merged; do
    "$denju" train --cache "$scratch/$name.sqlite" --run "$scratch/$name" --epochs 1 --seed 1
  done
  cmp "$scratch/whole/last/model.safetensors" "$scratch/merged/last/model.safetensors"
  verdict $((digests - 1)) "four shards merged: the single run's content, and the same bits from training"
}

check_encryption() { # 5: nothing of a document in an encrypted file.
  local secret found=0
  export DENJU_CACHE_KEY
  DENJU_CACHE_KEY=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
  "$denju" precompute --source "$source" --corpus Pipelines/quickstart/test.jsonl --cache "$scratch/sealed.sqlite" --encrypt
  while read -r secret; do
    if grep -qaF "$secret" "$scratch/sealed.sqlite"; then found=$((found + 1)); fi
  done < <(python3 -c 'import json, sys
for line in open(sys.argv[1]): print(json.loads(line)["prompt"])' Pipelines/quickstart/test.jsonl)
  unset DENJU_CACHE_KEY
  echo "$found of the prompts are in the file"
  verdict "$found" "no prompt in an encrypted cache's file"
}

check_datasette() { # 5: another reader than sqlite3; it is fetched by pip.
  local view failed=0
  "$denju" precompute --source "$source" --corpus Pipelines/quickstart/test.jsonl --cache "$scratch/shown.sqlite"
  python3 -m venv "$scratch/venv"
  "$scratch/venv/bin/pip" install -q datasette
  for view in $(sqlite3 "$scratch/shown.sqlite" "SELECT name FROM sqlite_master WHERE type = 'view'"); do
    "$scratch/venv/bin/datasette" "$scratch/shown.sqlite" --get "/shown/$view.json?_shape=array" |
      python3 -c 'import json, sys; rows = json.load(sys.stdin); sys.exit(not isinstance(rows, list))' ||
      { echo "$view can not be read" && failed=$((failed + 1)); }
  done
  verdict "$failed" "Datasette reads every view"
}

check_tests() { # 3, 4 and 5: damage, full disks, several processes, every verb, view and query.
  Tests/run.sh --filter 'FeatureCache|Cache|Codec|View|Query|FullDisk|Damage|Crash|Shard|Encrypt' | tail -n 1
  verdict $? "tests of the cache, its verbs, views and queries"
}

check_fuzz() { # 6: ten minutes a parser.
  Tests/Fuzz/run.sh 600
  verdict $? "ten minutes of fuzzing a parser find nothing"
}

for check in "${@:-${checks[@]}}"; do
  echo "== $check"
  # In an `if`, so that a check that fails doesn't end the others.
  if ! "check_$check"; then verdict 1 "$check"; fi
done
echo "$failures checks failed"
[ "$failures" -eq 0 ]
