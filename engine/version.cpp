#include "version.h"

namespace triode {

const char* version() { return "0.1.0"; }

}  // namespace triode
