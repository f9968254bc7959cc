#!/bin/sh
# Builds the plug-in (VST3, CLAP, LV2) and the standalone player into BUILD/bin, with the engine of the Python module.
# usage: sh scripts/plugin.sh VENV BUILD [optional | install]
#   optional  where DPF is not on the machine, say so and succeed
#   install   also copy into the user's plug-in folders
set -eu
venv=$1
build=$2
how=${3:-}
dpf=${DPF_ROOT:-/usr/share/dpf}

if [ ! -e "$dpf/cmake/DPF-plugin.cmake" ]; then
  echo "plugin: DPF is not in $dpf (Debian: apt install dpf-source lv2-dev; or set DPF_ROOT)" >&2
  [ "$how" = optional ] || exit 1
  echo "plugin: not built, the tests in plug-in hosts are skipped" >&2
  exit 0
fi
bin=$(cd "$venv/bin" && pwd)
# shellcheck disable=SC2012
library=$(ls -t "$PWD"/build/cp*-*-*/engine/libtriode_engine.a 2>/dev/null | head -n 1)
mkdir -p build
"$bin/cmake" -S plugin/dpf -B "$build" -G Ninja -DCMAKE_MAKE_PROGRAM="$bin/ninja" -DCMAKE_BUILD_TYPE=Release -Wno-dev \
  -DDPF_ROOT="$dpf" -DTRIODE_LIBRARY="$library" -DPython_EXECUTABLE="$bin/python" >build/plugin-configure.log 2>&1 ||
  { cat build/plugin-configure.log >&2; exit 1; }
"$bin/cmake" --build "$build" >build/plugin-build.log || { grep -m 20 -E "error|FAILED" build/plugin-build.log; exit 1; }

if [ "$how" = install ]; then
  mkdir -p "$HOME/.vst3" "$HOME/.clap" "$HOME/.lv2"
  rm -rf "$HOME/.vst3/Triode.vst3" "$HOME/.lv2/Triode.lv2"
  cp -R "$build/bin/Triode.vst3" "$HOME/.vst3/"
  cp "$build/bin/Triode.clap" "$HOME/.clap/"
  cp -R "$build/bin/Triode.lv2" "$HOME/.lv2/"
  echo "plugin: installed into ~/.vst3, ~/.clap and ~/.lv2"
fi
