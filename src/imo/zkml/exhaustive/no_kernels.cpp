/// The loops of provers, which are not called here.
#include "imo/base/check.hpp"
#include "imo/zkml/kernels.hpp"

namespace imo::zkml {

const FieldKernels& field_kernels() {
  IMO_CHECK(false, "no prover runs over a tiny field");
  __builtin_unreachable();
}

}  // namespace imo::zkml
