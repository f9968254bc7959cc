# Windows and macOS from here, by the compiler in the Python package `ziglang` (Clang with the C and C++ libraries of
# every target).
#   TRIODE_ZIG         the program `zig`
#   TRIODE_ZIG_TARGET  x86_64-windows-gnu, x86_64-macos.11.0, aarch64-macos.11.0 (the oldest that it is for)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TRIODE_ZIG TRIODE_ZIG_TARGET)
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR ${TRIODE_ZIG_TARGET})
if(TRIODE_ZIG_TARGET MATCHES "windows")
  set(CMAKE_SYSTEM_NAME Windows)
else()
  set(CMAKE_SYSTEM_NAME Darwin)
endif()
# CMake takes one word for each tool.
set(tools ${CMAKE_BINARY_DIR}/zig)
foreach(tool cc c++ ar ranlib rc)
  file(CONFIGURE OUTPUT ${tools}/${tool} CONTENT "#!/bin/sh\nexec '${TRIODE_ZIG}' ${tool} \"$@\"\n" @ONLY)
  file(CHMOD ${tools}/${tool} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endforeach()
foreach(language C CXX)
  set(CMAKE_${language}_COMPILER_TARGET ${TRIODE_ZIG_TARGET})
endforeach()
set(CMAKE_C_COMPILER ${tools}/cc)
set(CMAKE_CXX_COMPILER ${tools}/c++)
set(CMAKE_AR ${tools}/ar)
set(CMAKE_RANLIB ${tools}/ranlib)
set(CMAKE_RC_COMPILER ${tools}/rc)
set(CMAKE_FIND_ROOT_PATH ${tools})  # nothing of this machine's own libraries
foreach(kind LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()
