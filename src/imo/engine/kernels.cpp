#include "imo/engine/kernels.hpp"

#include <fmt/format.h>

namespace imo::engine {

std::span<const Kernels* const> available_kernels() {
  static const auto found = [] {
    std::vector<const Kernels*> kernels;
#ifdef IMO_HAVE_X86_KERNELS
    const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
    const bool has_avx512 =
        __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
        __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
    if (has_avx2 && has_avx512) kernels.push_back(&avx512_kernels());
    if (has_avx2) kernels.push_back(&avx2_kernels());
#endif
#ifdef IMO_HAVE_NEON_KERNELS
    kernels.push_back(&neon_kernels());
#endif
    kernels.push_back(&scalar_kernels());
    return kernels;
  }();
  return found;
}

Result<const Kernels*> find_kernels(std::string_view name) {
  std::string there;
  for (const Kernels* kernels : available_kernels()) {
    if (kernels->name == name) return kernels;
    there += fmt::format("{}{}", there.empty() ? "" : ", ", kernels->name);
  }
  return invalid(fmt::format("this machine has no kernel '{}'; it has {}", name, there));
}

}  // namespace imo::engine
