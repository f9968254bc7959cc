// Which copy of row_kernels.cpp a machine runs.
#include "training/row_kernels.h"

namespace triode::training {

namespace baseline {
template <class T>
const RowKernels<T>& row_kernels();
}
namespace avx2 {
template <class T>
const RowKernels<T>& row_kernels();
}
namespace avx512 {
template <class T>
const RowKernels<T>& row_kernels();
}

template <class T>
const RowKernels<T>& row_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return avx512::row_kernels<T>();
  if (isa == Isa::avx2) return avx2::row_kernels<T>();
#endif
  (void)isa;
  return baseline::row_kernels<T>();
}

template const RowKernels<float>& row_kernels(Isa);
template const RowKernels<double>& row_kernels(Isa);

}  // namespace triode::training
