# Sets TRIODE_JSON_INCLUDE, where <nlohmann/json.hpp> is: as given, from the project around this one, from an installed
# CMake package, or from the Python package of that name. The Python module is built with the last.
if(SKBUILD)
  find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
elseif(NOT TRIODE_JSON_INCLUDE)
  if(NOT TARGET nlohmann_json::nlohmann_json)
    find_package(nlohmann_json 3.9 CONFIG QUIET)
  endif()
  if(TARGET nlohmann_json::nlohmann_json)
    get_target_property(TRIODE_JSON_INCLUDE nlohmann_json::nlohmann_json INTERFACE_INCLUDE_DIRECTORIES)
  else()
    find_package(Python COMPONENTS Interpreter)
  endif()
endif()

if(Python_FOUND AND NOT TRIODE_JSON_INCLUDE)
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -c
            "import pathlib, nlohmann_json; print(pathlib.Path(nlohmann_json.__file__).parent / 'include')"
    OUTPUT_VARIABLE TRIODE_JSON_INCLUDE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT TRIODE_JSON_INCLUDE)
  message(FATAL_ERROR "nlohmann's JSON reader was not found; install it (Debian: nlohmann-json3-dev, or pip install "
                      "nlohmann-json), or set TRIODE_JSON_INCLUDE to the folder that holds nlohmann/json.hpp")
endif()
