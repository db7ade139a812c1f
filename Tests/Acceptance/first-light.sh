#!/usr/bin/env bash
# Goes down what the first release promises, on the built program, as a user would: each check prints the
# figures that it saw and `ok` or `FAILED`. Longer than `make test`, which proves the parts; about an hour.
#
#   Tests/Acceptance/first-light.sh            all checks, from a fresh clone of the current commit
#   Tests/Acceptance/first-light.sh demo views some of them, here
set -euo pipefail
cd "$(dirname "$0")/../.."

checks=(demo again seeds source_gone killed aligned bad_input views)
denju=.build/release/denju
demo=runs/quickstart
prompt='The city of Yekaterinburg is in the country of'
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

verdict() { # STATUS WHAT
  if [ "$1" -eq 0 ]; then echo "ok: $2"; else echo "FAILED: $2"; failures=$((failures + 1)); fi
}

# The command ends with the status, and says why in one line on stderr.
refuses() { # STATUS WORD COMMAND...
  local expected=$1 word=$2 status=0
  shift 2
  "$@" >/dev/null 2>"$scratch/stderr" || status=$?
  sed 's/^/    /' "$scratch/stderr"
  [ "$status" -eq "$expected" ] && [ "$(grep -c . "$scratch/stderr")" -eq 1 ] && grep -qi -- "$word" "$scratch/stderr"
  verdict $? "$* ends with $expected and names $word"
}

# The quickstart with another seed and its runs elsewhere; the cache is shared.
quickstart() { # SEED FOLDER
  sed -e "s/^seed: .*/seed: $1/" -e "s#$demo/\(source\|shuffled\|alone\)#$2/\1#g" Pipelines/quickstart.yaml
}

check_demo() { # Set-up and the three arms, timed after the build.
  make build
  time make demo
  verdict $? "make demo"
}

check_again() { # A second run trains and computes nothing.
  local before after
  before=$(find "$demo" -type f -name '*.safetensors' -exec sha256sum {} + | sort)
  time make demo
  after=$(find "$demo" -type f -name '*.safetensors' -exec sha256sum {} + | sort)
  [ "$before" = "$after" ]
  verdict $? "a second make demo leaves every checkpoint as it is"
}

check_seeds() { # Three training seeds; the figures are the README's.
  local seed
  for seed in 1 2 3; do
    quickstart "$seed" "runs/acceptance/seed-$seed" >"$scratch/seed-$seed.yaml"
    "$denju" run "$scratch/seed-$seed.yaml"
  done
  python3 - runs/acceptance/seed-{1,2,3}/alone/report.json <<'EOF'
import json, sys

rows = [{arm["name"]: arm for arm in json.load(open(path))["arms"]} for path in sys.argv[1:]]
for name in rows[0]:
    values = [row[name]["exactMatch"] for row in rows]
    print(f"{name}: mean {sum(values) / len(values):.3f}, {min(values):.3f} to {max(values):.3f}")
lower = [row["source"]["difference"]["lower"] for row in rows]
print("lower bounds of source minus alone:", *(f"{bound:.3f}" for bound in lower))
good = all(
    row["source"]["exactMatch"] >= 0.52 and row["alone"]["exactMatch"] <= 0.30
    and row["shuffled"]["exactMatch"] <= 0.30 and row["source"]["difference"]["lower"] >= 0.15
    for row in rows
)
sys.exit(not good)
EOF
  verdict $? "every seed: source >= 0.52, alone and shuffled <= 0.30, lower bound of the gain >= 0.15"
}

check_source_gone() { # Training opens no source: it is renamed while a run is trained.
  local model=.build/models/smollm2-135m-instruct status=0
  mv "$model" "$model.away"
  "$denju" train --cache "$demo/cache.sqlite" --run "$scratch/no-source" --epochs 1 || status=$?
  mv "$model.away" "$model"
  verdict "$status" "train without the source's file"
}

check_killed() { # kill -9 in the middle of training; resumed, it ends in the same bits.
  local train=("$denju" train --cache "$demo/cache.sqlite" --epochs 2 --checkpoint-seconds 1 --seed 5)
  "${train[@]}" --run "$scratch/whole"
  "${train[@]}" --run "$scratch/killed" &
  local process=$!
  sleep 3
  kill -9 "$process" 2>/dev/null || true
  wait "$process" 2>/dev/null || true
  "${train[@]}" --run "$scratch/killed" --resume
  (cd "$scratch" && diff <(cd whole && sha256sum ./*/*.safetensors) <(cd killed && sha256sum ./*/*.safetensors))
  verdict $? "a killed and resumed run equals the uninterrupted one"
}

check_aligned() { # The paper's stack, timed, with the leak of the published mask side by side.
  time "$denju" run Pipelines/aligned.yaml
  python3 - runs/aligned <<'EOF'
import csv, json, sys

folder = sys.argv[1]
first = float(next(csv.DictReader(open(f"{folder}/causal/log.csv")))["loss"])
arms = {arm["name"]: arm for arm in json.load(open(f"{folder}/causal/report.json"))["arms"]}
causal, published = arms["causal"], arms["published"]
print(f"causal: first step {first:.3f}, test {causal['loss']:.3f}, free-running {causal['freeRunningLoss']:.3f}")
print(f"published: test {published['loss']:.3f}, free-running {published['freeRunningLoss']:.3f}")
sys.exit(not (first - causal["loss"] >= 1 and abs(causal["loss"] - causal["freeRunningLoss"]) < 1e-4))
EOF
  verdict $? "test response loss falls by >= 1 nat from the first step's; free-running equals the full forward"
}

check_bad_input() { # One clear line and exit status 1 each.
  local model=.build/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf
  local precompute=("$denju" precompute --source "$model")
  head -c 1000000 "$model" >"$scratch/short.gguf"
  refuses 1 short.gguf "$denju" inspect "$scratch/short.gguf"
  printf '\377\377\377\377\377\377\377\177{}' >"$scratch/huge.safetensors"
  refuses 1 huge.safetensors "$denju" inspect "$scratch/huge.safetensors"
  printf '{"prompt": "a", "response": "b"}\n{"prompt": \n' >"$scratch/broken.jsonl"
  refuses 1 broken.jsonl:2 "${precompute[@]}" --corpus "$scratch/broken.jsonl" --cache "$scratch/a.sqlite"
  : >"$scratch/empty.jsonl"
  refuses 1 empty.jsonl "${precompute[@]}" --corpus "$scratch/empty.jsonl" --cache "$scratch/b.sqlite"
  cp "$demo/cache.sqlite" "$scratch/newer.sqlite"
  sqlite3 "$scratch/newer.sqlite" 'pragma user_version = 1000'
  refuses 1 newer.sqlite "$denju" cache stats "$scratch/newer.sqlite"
  refuses 1 no-such-run "$denju" generate --run "$scratch/no-such-run" --prompt "$prompt"
  refuses 64 no-such-flag "$denju" train --cache a --run b --no-such-flag
}

check_views() { # The questions that the schema promises to answer, with plain sqlite3.
  local view
  for view in cache_summary cache_by_source cache_by_codec cache_documents cache_runs; do
    sqlite3 -box "$demo/cache.sqlite" "select * from $view limit 3"
    verdict $? "$view"
  done
}

if [ $# -eq 0 ]; then
  git clone -q . "$scratch/clone"
  status=0
  "$scratch/clone/Tests/Acceptance/first-light.sh" "${checks[@]}" || status=$?
  exit "$status"
fi
for check in "$@"; do
  echo "== $check"
  # In an `if`, so that a check that fails doesn't end the others.
  if ! "check_$check"; then verdict 1 "$check"; fi
done
echo "$failures checks failed"
[ "$failures" -eq 0 ]
