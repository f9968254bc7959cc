// Which instruction sets this processor and its operating system offer, asked by cpuid and xgetbv. The compiler's own
// __builtin_cpu_supports is not used: some tool chains' run-time libraries answer 0 to everything.
#pragma once

#include "api.h"

namespace triode {

enum class Isa { baseline, avx2, avx512 };

/// The best instruction set that this build has kernels for and this machine can run.
TRIODE_API Isa best_isa();

}  // namespace triode
