#!/bin/sh
# Builds the plug-in for 64-bit Windows (VST3, CLAP) into BUILD/bin, by the compiler in the Python package `ziglang`.
# usage: sh scripts/plugin_windows.sh VENV BUILD
set -eu
venv=$1
build=$2
dpf=${DPF_ROOT:-/usr/share/dpf}

if [ ! -e "$dpf/cmake/DPF-plugin.cmake" ]; then
  echo "plugin-windows: DPF is not in $dpf (Debian: apt install dpf-source; or set DPF_ROOT)" >&2
  exit 1
fi
bin=$(cd "$venv/bin" && pwd)
"$bin/python" -m pip --disable-pip-version-check -q install ziglang==0.17.1
zig=$("$bin/python" -c "import pathlib, ziglang; print(pathlib.Path(ziglang.__file__).parent / 'zig')")
json=$("$bin/python" -c "import pathlib, nlohmann_json; print(pathlib.Path(nlohmann_json.__file__).parent / 'include')")
mkdir -p build
log=build/plugin-windows.log
"$bin/cmake" -S plugin/dpf -B "$build" -G Ninja -DCMAKE_MAKE_PROGRAM="$bin/ninja" -DCMAKE_BUILD_TYPE=Release -Wno-dev \
  --toolchain "$PWD/engine/cmake/zig.cmake" -DTRIODE_ZIG="$zig" -DTRIODE_ZIG_TARGET=x86_64-windows-gnu \
  -DDPF_ROOT="$dpf" -DTRIODE_JSON_INCLUDE="$json" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
"$bin/cmake" --build "$build" >"$log" || { grep -m 20 -E "error|FAILED" "$log" >&2; exit 1; }
