# WebAssembly with 128-bit SIMD, by Clang and the WASI libraries; what it builds runs under Node's WASI. That C++ library
# knows no exceptions, so a throw ends the program: see tests/wasm_no_exceptions.cpp.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
foreach(language C CXX)
  set(CMAKE_${language}_COMPILER_TARGET wasm32-wasi)
  set(CMAKE_${language}_FLAGS_INIT "-msimd128")
endforeach()
set(CMAKE_C_COMPILER clang-19)
set(CMAKE_CXX_COMPILER clang++-19)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
