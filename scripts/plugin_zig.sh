#!/bin/sh
# Builds the plug-in (VST3, CLAP) for another system into BUILD/bin, by the compiler in the Python package `ziglang`.
# usage: sh scripts/plugin_zig.sh VENV BUILD TARGET
#   TARGET  x86_64-windows-gnu, or `macos` for a universal build, which has one of each processor in BUILD, too
set -eu
venv=$1
build=$2
target=$3
dpf=${DPF_ROOT:-/usr/share/dpf}

if [ ! -e "$dpf/cmake/DPF-plugin.cmake" ]; then
  echo "plugin: DPF is not in $dpf (Debian: apt install dpf-source; or set DPF_ROOT)" >&2
  exit 1
fi
bin=$(cd "$venv/bin" && pwd)
"$bin/python" -m pip --disable-pip-version-check -q install ziglang==0.17.1
zig=$("$bin/python" -c "import pathlib, ziglang; print(pathlib.Path(ziglang.__file__).parent / 'zig')")
json=$("$bin/python" -c "import pathlib, nlohmann_json; print(pathlib.Path(nlohmann_json.__file__).parent / 'include')")
mkdir -p build

build_for() {  # TARGET FOLDER
  log=build/plugin-$1.log
  "$bin/cmake" -S plugin/dpf -B "$2" -G Ninja -DCMAKE_MAKE_PROGRAM="$bin/ninja" -DCMAKE_BUILD_TYPE=Release -Wno-dev \
    --toolchain "$PWD/engine/cmake/zig.cmake" -DTRIODE_ZIG="$zig" -DTRIODE_ZIG_TARGET="$1" \
    -DDPF_ROOT="$dpf" -DTRIODE_JSON_INCLUDE="$json" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  "$bin/cmake" --build "$2" >"$log" || { grep -m 20 -E "error|FAILED" "$log" >&2; exit 1; }
}

if [ "$target" = macos ]; then
  # 11: the first for both processors.
  for processor in aarch64 x86_64; do
    build_for $processor-macos.11.0 "$build/$processor"
  done
  "$bin/python" scripts/universal_macos.py "$build/bin" "$build/aarch64/bin" "$build/x86_64/bin"
else
  build_for "$target" "$build"
fi
