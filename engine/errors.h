#pragma once

#include <stdexcept>
#include <string>

#include "api.h"

namespace triode {

/// A model file is missing, unreadable, truncated, forged or unsupported. The message is one sentence for people:
/// what was found, what was expected, what to do.
class TRIODE_API ModelFileError : public std::runtime_error {
 public:
  explicit ModelFileError(const std::string& message) : std::runtime_error(message) {}
};

}  // namespace triode
