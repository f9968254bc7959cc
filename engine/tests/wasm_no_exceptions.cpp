// Debian's C++ library for WebAssembly has no exceptions: what throws ends the program. A host that loads files of
// unknown origin gets a trap instead of a message, and a fresh instance.
#include <cstddef>
#include <cstdlib>

extern "C" {
void* __cxa_allocate_exception(std::size_t) { std::abort(); }
void __cxa_throw(void*, void*, void (*)(void*)) { std::abort(); }
}
