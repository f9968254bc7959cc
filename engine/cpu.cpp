#include "cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace triode {

#if defined(__x86_64__)
namespace {

struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(unsigned leaf) {
  Registers r;
  if (__get_cpuid_max(0, nullptr) >= leaf) __cpuid_count(leaf, 0, r.a, r.b, r.c, r.d);
  return r;
}

unsigned long long enabled_register_state() {
  unsigned low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<unsigned long long>(high) << 32) | low;
}

bool has(unsigned word, unsigned bit) { return ((word >> bit) & 1u) != 0; }

}  // namespace

Isa best_isa() {
  const Registers basic = cpuid(1), extended = cpuid(7);
  const bool os_saves_registers = has(basic.c, 27);
  if (!os_saves_registers) return Isa::baseline;
  const unsigned long long state = enabled_register_state();
  const bool fma = has(basic.c, 12), avx = has(basic.c, 28), avx2 = has(extended.b, 5);
  const bool ymm = (state & 0x06) == 0x06, zmm = (state & 0xe6) == 0xe6;
  if (!(fma && avx && avx2 && ymm)) return Isa::baseline;
  const bool avx512 = has(extended.b, 16) && has(extended.b, 17) && has(extended.b, 30) && has(extended.b, 31);
  return avx512 && zmm ? Isa::avx512 : Isa::avx2;
}

#else

Isa best_isa() { return Isa::baseline; }

#endif

}  // namespace triode
