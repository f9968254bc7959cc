#!/bin/sh
# Set-up of a development checkout: system packages (when root), the virtual environment, the compiled engine.
# usage: PYTHON=python3 sh scripts/setup.sh VENV
set -eu
venv=$1
python=${PYTHON:-python3}

# ngspice checks the circuits, Chromium opens the report, liblilv hosts the plug-ins that are recorded (Guitarix among
# them), JACK stands in for an audio interface; without them those tests are skipped by name.
wanted=""
command -v g++ >/dev/null 2>&1 || wanted="$wanted g++"
command -v git >/dev/null 2>&1 || wanted="$wanted git"
command -v ngspice >/dev/null 2>&1 || wanted="$wanted ngspice"
command -v chromium >/dev/null 2>&1 || wanted="$wanted chromium"
command -v chromedriver >/dev/null 2>&1 || wanted="$wanted chromium-driver"
ldconfig -p 2>/dev/null | grep -q liblilv-0 || wanted="$wanted liblilv-0-0"
ldconfig -p 2>/dev/null | grep -q libportaudio || wanted="$wanted libportaudio2"
command -v jackd >/dev/null 2>&1 || wanted="$wanted jackd2"
[ -e /usr/lib/lv2/gxts9.lv2 ] || wanted="$wanted guitarix-lv2"
# DPF, a plug-in framework, builds the plug-in; LV2 plug-ins are tried in jalv, windows under Xvfb.
plugin=""
[ -e /usr/share/dpf ] || plugin="$plugin dpf-source lv2-dev"
[ -e /usr/include/jack/jack.h ] || plugin="$plugin libjack-jackd2-dev"
[ -e /usr/include/X11/extensions/Xrandr.h ] && [ -e /usr/include/X11/Xcursor/Xcursor.h ] && [ -e /usr/include/GL/gl.h ] ||
  plugin="$plugin libgl-dev libgl1-mesa-dri libx11-dev libxext-dev libxrandr-dev libxcursor-dev"
command -v jalv >/dev/null 2>&1 || plugin="$plugin jalv"
command -v Xvfb >/dev/null 2>&1 || plugin="$plugin xvfb"
command -v xwd >/dev/null 2>&1 || plugin="$plugin x11-apps"
# Clang brings the fuzzer, and builds the engine for aarch64 and wasm32; QEMU and valgrind count its instructions.
ports=""
command -v clang++-19 >/dev/null 2>&1 || ports="$ports clang-19 lld-19 libclang-rt-19-dev"
[ -e /usr/include/wasm32-wasi ] || ports="$ports wasi-libc"
[ -e /usr/lib/llvm-19/include/wasm32-wasi ] || ports="$ports libc++-19-dev-wasm32 libc++abi-19-dev-wasm32 libclang-rt-19-dev-wasm32"
[ -e /usr/aarch64-linux-gnu/include/c++ ] || ports="$ports libstdc++-12-dev-arm64-cross libgcc-12-dev-arm64-cross"
command -v qemu-aarch64 >/dev/null 2>&1 || ports="$ports qemu-user"
command -v valgrind >/dev/null 2>&1 || ports="$ports valgrind"

if [ -n "$wanted$ports$plugin" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    apt="apt-get install -y -qq --no-install-recommends"
    # shellcheck disable=SC2086
    [ -z "$wanted" ] || DEBIAN_FRONTEND=noninteractive $apt $wanted >/dev/null
    # Not every distribution has these, or these versions.
    for group in "$ports" "$plugin"; do
      # shellcheck disable=SC2086
      [ -z "$group" ] || DEBIAN_FRONTEND=noninteractive $apt $group >/dev/null ||
        echo "setup: not to be had here:$group (tests that need them are skipped)" >&2
    done
  else
    echo "setup: not installed, because this is not root:$wanted$ports$plugin (tests that need them are skipped)" >&2
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
