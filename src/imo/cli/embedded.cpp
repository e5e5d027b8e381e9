#include "imo/cli/embedded.hpp"

extern "C" {
extern const unsigned char imo_demo_model_begin[];
extern const unsigned char imo_demo_model_end[];
}

namespace imo::cli {

BytesView embedded_demo_model() {
  return {imo_demo_model_begin,
          static_cast<std::size_t>(imo_demo_model_end - imo_demo_model_begin)};
}

}  // namespace imo::cli
