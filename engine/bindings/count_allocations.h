// Counts what this module's C++ code allocates, so that `triode bench` can show that playing allocates nothing.
#pragma once

#include <cstdint>

/// Allocations on this thread so far.
std::int64_t allocations_on_this_thread() noexcept;
