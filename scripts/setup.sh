#!/bin/sh
# Set-up of a development checkout: system packages (when root), the virtual environment, the compiled engine.
# usage: PYTHON=python3 sh scripts/setup.sh VENV
set -eu
venv=$1
python=${PYTHON:-python3}

# ngspice checks the circuits, Chromium opens the report; without them those tests are skipped by name.
wanted=""
command -v g++ >/dev/null 2>&1 || wanted="$wanted g++"
command -v git >/dev/null 2>&1 || wanted="$wanted git"
command -v ngspice >/dev/null 2>&1 || wanted="$wanted ngspice"
command -v chromium >/dev/null 2>&1 || wanted="$wanted chromium"
command -v chromedriver >/dev/null 2>&1 || wanted="$wanted chromium-driver"
if [ -n "$wanted" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted >/dev/null
  else
    echo "setup: not installed, because this is not root:$wanted (tests that need them are skipped)" >&2
  fi
fi

if [ ! -x "$venv/bin/python" ]; then
  "$python" -m venv "$venv"
fi
pip="$venv/bin/python -m pip --disable-pip-version-check -q"
# torch first and pinned: a later resolver must find it in place rather than pick a far larger build.
$pip install -c constraints.txt torch
$pip install -c constraints.txt scikit-build-core nanobind nlohmann-json cmake ninja
PATH="$(cd "$venv/bin" && pwd):$PATH" $pip install -c constraints.txt --no-build-isolation -e '.[train,dev]'
