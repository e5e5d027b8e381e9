/// The one pass that turns bytes into a checked GgufFile. Internal to the reader.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/model/gguf.hpp"

#include <cstdint>
#include <string_view>

namespace imo::model {

/// "uint32", "string", ...
std::string_view gguf_value_type_name(GgufValueType type);

class GgufParser {
 public:
  explicit GgufParser(BytesView bytes) : bytes_(bytes) {}

  Result<GgufFile> parse();

 private:
  struct Counts {
    std::uint64_t tensors;
    std::uint64_t values;
  };

  // `what` names the field in messages.
  Result<std::uint32_t> read_u32(std::string_view what);
  Result<std::uint64_t> read_u64(std::string_view what);
  Result<std::string_view> read_string(std::string_view what);
  Result<std::string_view> read_name(std::string_view what, std::uint64_t longest);
  Result<void> need(std::uint64_t size, std::string_view what) const;

  Result<Counts> read_header();
  Result<GgufValue> read_value();
  Result<void> skip_elements(const GgufValue& value, GgufValueType type, std::uint64_t count);
  Result<SourceTensor> read_tensor_entry();
  Result<void> place_tensors();
  Result<void> check_overlaps() const;
  Result<void> index_names();

  [[nodiscard]] std::uint64_t left() const { return bytes_.size() - at_; }

  BytesView bytes_;
  std::uint64_t at_ = 0;
  GgufFile file_;
};

}  // namespace imo::model
