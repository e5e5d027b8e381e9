#include "imo/zkml/kernels.hpp"

#include <vector>

namespace imo::zkml {

std::span<const FieldKernels* const> available_field_kernels() {
  static const auto kFound = [] {
    std::vector<const FieldKernels*> kernels;
#ifdef IMO_HAVE_X86_FIELD_KERNELS
    if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512ifma") != 0) {
      kernels.push_back(&avx512_field_kernels());
    }
    if (__builtin_cpu_supports("avx2") != 0) kernels.push_back(&avx2_field_kernels());
#endif
    kernels.push_back(&scalar_field_kernels());
    return kernels;
  }();
  return kFound;
}

const FieldKernels& field_kernels() {
  return *available_field_kernels().front();
}

}  // namespace imo::zkml
