// What the files of the C face share: the engine as C sees it, and exceptions as return values and one line of text.
#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>

#include "engine.h"

struct triode_engine {
  triode::Engine engine;
};

namespace triode {

inline void put_text(std::string_view text, char* error, std::size_t error_size) noexcept {
  if (error == nullptr || error_size == 0) return;
  const std::size_t length = std::min(text.size(), error_size - 1);
  std::memcpy(error, text.data(), length);
  error[length] = '\0';
}

// What `make` returns, or `otherwise` and the reason it could not.
template <class Result, class Make>
Result guarded(Make make, Result otherwise, char* error, std::size_t error_size) noexcept {
  put_text("", error, error_size);
  try {
    return make();
  } catch (const std::bad_alloc&) {
    put_text("there is not enough memory for this model; close other programs", error, error_size);
  } catch (const std::exception& reason) {
    put_text(reason.what(), error, error_size);
  } catch (...) {
    put_text("an unknown error; please report it", error, error_size);
  }
  return otherwise;
}

}  // namespace triode
