#pragma once

namespace triode {

/// Version of the engine, the same as the Python package's.
const char* version();

}  // namespace triode
