#include "kernels.h"

#define TRIODE_DECLARE_KERNELS(name) \
  namespace name {                   \
  extern const Kernels kernels;      \
  }

namespace triode {

TRIODE_DECLARE_KERNELS(baseline)
TRIODE_DECLARE_KERNELS(fast_baseline)
#if defined(TRIODE_X86_KERNELS)
TRIODE_DECLARE_KERNELS(avx2)
TRIODE_DECLARE_KERNELS(fast_avx2)
TRIODE_DECLARE_KERNELS(avx512)
TRIODE_DECLARE_KERNELS(fast_avx512)
#endif

const Kernels& kernels_for(Isa isa, bool fast) {
  switch (isa) {
#if defined(TRIODE_X86_KERNELS)
    case Isa::avx512: return fast ? fast_avx512::kernels : avx512::kernels;
    case Isa::avx2: return fast ? fast_avx2::kernels : avx2::kernels;
#endif
    default: return fast ? fast_baseline::kernels : baseline::kernels;
  }
}

}  // namespace triode
