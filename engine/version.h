#pragma once

#include "api.h"

namespace triode {

/// Version of the engine, the same as the Python package's.
TRIODE_API const char* version();

}  // namespace triode
