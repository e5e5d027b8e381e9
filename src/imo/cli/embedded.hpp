/// Files that the program carries inside itself.
#pragma once

#include "imo/base/bytes.hpp"

namespace imo::cli {

/// models/demo/imo-demo.gguf as it was when the program was built.
BytesView embedded_demo_model();

}  // namespace imo::cli
