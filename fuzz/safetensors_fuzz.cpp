// Any bytes at all as a safetensors file: an error or tensors that lie within the bytes.

#include "imo/model/safetensors.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace imo;
using namespace imo::model;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = SafetensorsFile::parse(BytesView(data, size));
  if (!file) {
    if (file.error().message.empty()) std::abort();
    return 0;
  }
  for (const std::string_view name : file->names()) {
    if (!file->has(name)) std::abort();
    const auto tensor = file->tensor(name);
    if (!tensor) continue;
    if (tensor->offset > size || tensor->bytes.size() > size - tensor->offset) std::abort();
    const auto values = read_tensor(*tensor);
    if (values && values->size() != tensor->columns() * tensor->rows()) std::abort();
  }
  return 0;
}
