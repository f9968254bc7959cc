#include "kernels.h"

namespace triode {

namespace baseline {
extern const Kernels kernels;
}
#if defined(TRIODE_X86_KERNELS)
namespace avx2 {
extern const Kernels kernels;
}
namespace avx512 {
extern const Kernels kernels;
}
#endif

const Kernels& kernels_for(Isa isa) {
  switch (isa) {
#if defined(TRIODE_X86_KERNELS)
    case Isa::avx512: return avx512::kernels;
    case Isa::avx2: return avx2::kernels;
#endif
    default: return baseline::kernels;
  }
}

}  // namespace triode
