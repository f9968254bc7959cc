// Which copies of row_kernels.cpp and cell_kernels.cpp a machine runs.
#include "training/cell_kernels.h"
#include "training/row_kernels.h"

namespace triode::training {

namespace baseline {
template <class T>
const RowKernels<T>& row_kernels();
template <class T>
const CellKernels<T>& cell_kernels(Unit unit);
}
namespace avx2 {
template <class T>
const RowKernels<T>& row_kernels();
template <class T>
const CellKernels<T>& cell_kernels(Unit unit);
}
namespace avx512 {
template <class T>
const RowKernels<T>& row_kernels();
template <class T>
const CellKernels<T>& cell_kernels(Unit unit);
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

template <class T>
const CellKernels<T>& cell_kernels(Unit unit, Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return avx512::cell_kernels<T>(unit);
  if (isa == Isa::avx2) return avx2::cell_kernels<T>(unit);
#endif
  (void)isa;
  return baseline::cell_kernels<T>(unit);
}

template const RowKernels<float>& row_kernels(Isa);
template const RowKernels<double>& row_kernels(Isa);
template const CellKernels<float>& cell_kernels(Unit, Isa);
template const CellKernels<double>& cell_kernels(Unit, Isa);

}  // namespace triode::training
