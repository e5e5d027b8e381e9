#include "imo/zkml/field_loops.hpp"

namespace imo::zkml {

const FieldKernels& scalar_field_kernels() {
  static constexpr FieldKernels kKernels = kernels_over<OneLane>("scalar");
  return kKernels;
}

}  // namespace imo::zkml
