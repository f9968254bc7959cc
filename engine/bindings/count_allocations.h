// Counts what this module's C++ code allocates, so that `triode bench` can show that playing allocates
// nothing, and how much memory a model holds.
#pragma once

#include <cstdint>

/// Allocations on this thread so far.
std::int64_t allocations_on_this_thread() noexcept;
/// Bytes that this thread allocated so far, less those that it freed.
std::int64_t bytes_of_this_thread() noexcept;
