#!/usr/bin/env bash
# Installs what the benchmark compares with into .build/peers, as pip and apt-get find it: PyTorch and
# transformers, llama.cpp (compiled here, for this CPU: some ten minutes), OpenBLAS. Nothing else needs them.
# What cannot be installed is named, and the benchmark then runs without it. Then makes their models. Does
# nothing where all is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

peers=.build/peers
python=$peers/bin/python

if ! [ -x "$python" ]; then
  base=
  for candidate in python3 /usr/bin/python3; do
    # A venv needs more of Python than some installations have.
    if "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then base=$candidate && break; fi
  done
  if [ -z "$base" ]; then
    echo "set-up: no Python with venv and pip: the benchmark runs without peers" >&2
    exit 0
  fi
  "$base" -m venv "$peers"
fi

install() { # MODULE WHAT PACKAGE...
  local module=$1 what=$2
  shift 2
  "$python" -c "import $module" >/dev/null 2>&1 && return
  echo "set-up: installing $what" >&2
  "$python" -m pip install --quiet --disable-pip-version-check "$@" >&2
}

install gguf "gguf and numpy" gguf numpy || echo "set-up: no gguf: no models for the peers" >&2
# The build for CPUs alone where pip knows of one: the other has gigabytes of CUDA in it.
install torch PyTorch 'torch==2.13.0+cpu' || install torch PyTorch torch || echo "set-up: no PyTorch" >&2
install transformers transformers transformers safetensors || echo "set-up: no transformers" >&2
install llama_cpp llama.cpp llama-cpp-python || echo "set-up: no llama.cpp" >&2

# Debian's OpenBLAS, unpacked rather than installed: it is only timed.
if [ ! -e $peers/openblas ] && command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
  unpacked=$(mktemp -d $peers/openblas.XXXXXX)
  trap 'rm -rf "$unpacked"' EXIT
  if (cd "$unpacked" && apt-get download -qq libopenblas0-pthread libgfortran5 libquadmath0 >&2 2>/dev/null); then
    for package in "$unpacked"/*.deb; do dpkg -x "$package" "$unpacked"; done
    mv "$unpacked" $peers/openblas
  else
    echo "set-up: no OpenBLAS" >&2
  fi
fi

# The model in the forms that the peers take, and models for speed alone.
if "$python" -c 'import gguf' >/dev/null 2>&1; then
  "$python" Tests/Benchmarks/make_models.py
fi
