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

checks=(codecs bytes store kills shards encryption tests fuzz)
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

check_codecs() { # 1 and 2: bytes against loss, and the codecs' speed, on all of GSM8K's test set; some 40 minutes.
  local settings=(int8 int4 float16 transform:0.002 transform:0.005 transform:0.01 transform:0.03 transform:0.1) layer
  for layer in -1 15; do
    "$denju" cache codecs --source "$source" --corpus "$gsm8k/test.jsonl" --fit "$gsm8k/train.jsonl" --tokens 10000000 \
      --layer "$layer" --codec "$(IFS=,; echo "${settings[*]}")" --out "$scratch/layer$layer"
    cat "$scratch/layer$layer/codecs.csv"
  done
}

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
