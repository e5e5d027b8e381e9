#include "imo/model/gguf_parser.hpp"

#include "imo/model/little_endian.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>

#include <fmt/format.h>

namespace imo::model {
namespace {

// The shortest entries a file can hold: a count that needs more than the rest is a lie.
constexpr std::uint64_t kShortestValue = 8 + 1 + 4 + 1;           // key length, key, type, value
constexpr std::uint64_t kShortestTensor = 8 + 1 + 4 + 8 + 4 + 8;  // name, rank, dim, type, offset

// The specification allows 65535; no key in use is a tenth of this, and messages quote keys.
constexpr std::uint64_t kLongestKey = 1024;
constexpr std::uint64_t kLongestTensorName = 255;
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kGreatestAlignment = 65536;

// Rows and elements stay far below what 64 bits hold, whatever is multiplied with them later.
constexpr std::uint64_t kMostElements = std::uint64_t{1} << 48;

std::optional<std::uint64_t> value_width(GgufValueType type) {
  switch (type) {
    case GgufValueType::kUint8:
    case GgufValueType::kInt8:
    case GgufValueType::kBool:
      return 1;
    case GgufValueType::kUint16:
    case GgufValueType::kInt16:
      return 2;
    case GgufValueType::kUint32:
    case GgufValueType::kInt32:
    case GgufValueType::kFloat32:
      return 4;
    case GgufValueType::kUint64:
    case GgufValueType::kInt64:
    case GgufValueType::kFloat64:
      return 8;
    case GgufValueType::kString:
    case GgufValueType::kArray:
      return std::nullopt;
  }
  return std::nullopt;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

template <typename... Args>
auto invalid_at(std::uint64_t offset, fmt::format_string<Args...> format, Args&&... args) {
  return invalid(
      fmt::format("offset {}: {}", offset, fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace

std::string_view gguf_value_type_name(GgufValueType type) {
  constexpr std::string_view kNames[] = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                         "int32",  "float32", "bool",   "string", "array",
                                         "uint64", "int64",   "float64"};
  const auto index = static_cast<std::uint32_t>(type);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

Result<void> GgufParser::need(std::uint64_t size, std::string_view what) const {
  if (size > left()) {
    return invalid_at(at_, "{} needs {} bytes, but the file ends after {} more", what, size,
                      left());
  }
  return {};
}

Result<std::uint32_t> GgufParser::read_u32(std::string_view what) {
  IMO_TRY_VOID(need(4, what));
  const std::uint32_t value = load_u32(bytes_.data() + at_);
  at_ += 4;
  return value;
}

Result<std::uint64_t> GgufParser::read_u64(std::string_view what) {
  IMO_TRY_VOID(need(8, what));
  const std::uint64_t value = load_u64(bytes_.data() + at_);
  at_ += 8;
  return value;
}

Result<std::string_view> GgufParser::read_string(std::string_view what) {
  IMO_TRY(const std::uint64_t length, read_u64(what));
  IMO_TRY_VOID(need(length, what));
  const std::string_view text = as_text(bytes_.subspan(at_, length));
  at_ += length;
  return text;
}

// Keys and names are printable ASCII, so that every message may quote them.
Result<std::string_view> GgufParser::read_name(std::string_view what, std::uint64_t longest) {
  const std::uint64_t start = at_;
  IMO_TRY(const std::string_view name, read_string(what));
  if (name.empty() || name.size() > longest) {
    return invalid_at(start, "{} is {} bytes long; it must be 1 to {}", what, name.size(), longest);
  }
  if (!is_printable(name)) return invalid_at(start, "{} is not printable ASCII", what);
  return name;
}

Result<GgufParser::Counts> GgufParser::read_header() {
  IMO_TRY_VOID(need(4, "the magic 'GGUF'"));
  if (as_text(bytes_.first(4)) != "GGUF") {
    return invalid_at(0, "this is not a GGUF file: it does not begin with 'GGUF'");
  }
  at_ = 4;
  IMO_TRY(file_.version_, read_u32("version"));
  if (file_.version_ == 0x02000000 || file_.version_ == 0x03000000) {
    return invalid_at(4, "the file is big-endian; convert it to little-endian");
  }
  if (file_.version_ != 2 && file_.version_ != 3) {
    return invalid_at(4, "GGUF version {} is not supported, only 2 and 3; convert the model again",
                      file_.version_);
  }
  Counts counts{};
  IMO_TRY(counts.tensors, read_u64("tensor count"));
  IMO_TRY(counts.values, read_u64("metadata count"));
  const std::uint64_t room = left();
  if (counts.values > room / kShortestValue) {
    return invalid_at(16, "metadata count {} is more than the file can hold", counts.values);
  }
  if (counts.tensors > (room - counts.values * kShortestValue) / kShortestTensor) {
    return invalid_at(8, "tensor count {} is more than the file can hold", counts.tensors);
  }
  return counts;
}

Result<void> GgufParser::skip_elements(const GgufValue& value, GgufValueType type,
                                       std::uint64_t count) {
  const std::uint64_t start = at_;
  if (const auto width = value_width(type)) {
    if (count > left() / *width) {
      return invalid_at(start, "metadata '{}' has {} elements of {}, more than the file can hold",
                        value.key, count, gguf_value_type_name(type));
    }
    if (type == GgufValueType::kBool) {
      for (std::uint64_t i = 0; i < count; ++i) {
        if (bytes_[at_ + i] > 1) {
          return invalid_at(at_ + i, "metadata '{}' has a bool that is {}", value.key,
                            bytes_[at_ + i]);
        }
      }
    }
    at_ += count * *width;
    return {};
  }
  if (type == GgufValueType::kString) {
    if (count > left() / 8) {
      return invalid_at(start, "metadata '{}' has {} strings, more than the file can hold",
                        value.key, count);
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t string_at = at_;
      if (auto text = read_string("string"); !text) {
        return invalid_at(string_at, "metadata '{}': string {} of {} reaches past the end of file",
                          value.key, i, count);
      }
    }
    return {};
  }
  if (type == GgufValueType::kArray) {
    return invalid_at(start, "metadata '{}' is an array of arrays, which no model here needs",
                      value.key);
  }
  return invalid_at(start, "metadata '{}' has unknown type {}", value.key,
                    static_cast<std::uint32_t>(type));
}

Result<GgufValue> GgufParser::read_value() {
  GgufValue value;
  IMO_TRY(value.key, read_name("metadata key", kLongestKey));
  IMO_TRY(const std::uint32_t type, read_u32("metadata type"));
  value.type = static_cast<GgufValueType>(type);
  if (value.type == GgufValueType::kArray) {
    value.is_array = true;
    IMO_TRY(const std::uint32_t element, read_u32("array type"));
    value.type = static_cast<GgufValueType>(element);
    IMO_TRY(value.count, read_u64("array length"));
  }
  value.offset = at_;
  IMO_TRY_VOID(skip_elements(value, value.type, value.count));
  value.bytes = bytes_.subspan(value.offset, at_ - value.offset);
  return value;
}

Result<SourceTensor> GgufParser::read_tensor_entry() {
  SourceTensor tensor;
  IMO_TRY(tensor.name, read_name("tensor name", kLongestTensorName));
  const std::uint64_t rank_at = at_;
  IMO_TRY(tensor.rank, read_u32("tensor rank"));
  if (tensor.rank < 1 || tensor.rank > tensor.dimensions.size()) {
    return invalid_at(rank_at, "tensor '{}' has {} dimensions; it must have 1 to 4", tensor.name,
                      tensor.rank);
  }
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < tensor.rank; ++i) {
    const std::uint64_t dimension_at = at_;
    IMO_TRY(const std::uint64_t dimension, read_u64("tensor dimension"));
    if (dimension == 0 || dimension > kMostElements / elements) {
      return invalid_at(dimension_at, "tensor '{}' has {} as dimension {}: {}", tensor.name,
                        dimension, i, dimension == 0 ? "it is empty" : "it is too large");
    }
    tensor.dimensions[i] = dimension;
    elements *= dimension;
  }
  const std::uint64_t type_at = at_;
  IMO_TRY(const std::uint32_t type, read_u32("tensor type"));
  const auto traits = tensor_type_traits(type);
  if (!traits) {
    return invalid_at(type_at,
                      "tensor '{}' has type {}, which is not supported; F32, F16, BF16, Q8_0, "
                      "Q4_0, Q4_K and Q6_K are",
                      tensor.name, type);
  }
  tensor.type = static_cast<TensorType>(type);
  if (tensor.columns() % traits->block_values != 0) {
    return invalid_at(type_at, "tensor '{}' has rows of {} values, not a multiple of the {} of {}",
                      tensor.name, tensor.columns(), traits->block_values, traits->name);
  }
  // Relative to the data section, which begins behind the last entry: place_tensors moves it.
  const std::uint64_t offset_at = at_;
  IMO_TRY(tensor.offset, read_u64("tensor offset"));
  if (tensor.offset >= bytes_.size()) {
    return invalid_at(offset_at, "tensor '{}' begins at {} of the data, past the end of file",
                      tensor.name, tensor.offset);
  }
  return tensor;
}

Result<void> GgufParser::place_tensors() {
  std::uint64_t alignment = kDefaultAlignment;
  if (const GgufValue* value = file_.find("general.alignment")) {
    IMO_TRY(alignment, file_.unsigned_value("general.alignment"));
    if (!std::has_single_bit(alignment) || alignment < 8 || alignment > kGreatestAlignment) {
      return invalid_at(value->offset,
                        "general.alignment is {}; it must be a power of two from 8 to {}",
                        alignment, kGreatestAlignment);
    }
  }
  const std::uint64_t data_at = (at_ + alignment - 1) / alignment * alignment;
  for (SourceTensor& tensor : file_.tensors_) {
    const TensorTypeTraits traits = tensor_type_traits(tensor.type);
    const std::uint64_t size =
        tensor.columns() / traits.block_values * tensor.rows() * traits.block_bytes;
    if (tensor.offset % alignment != 0) {
      return invalid(
          fmt::format("tensor '{}' begins at {} of the data, not a multiple of the "
                      "alignment {}",
                      tensor.name, tensor.offset, alignment));
    }
    tensor.offset += data_at;
    if (tensor.offset > bytes_.size() || size > bytes_.size() - tensor.offset) {
      return invalid(fmt::format("tensor '{}' needs bytes {} to {}, but the file ends at {}",
                                 tensor.name, tensor.offset, tensor.offset + size, bytes_.size()));
    }
    tensor.bytes = bytes_.subspan(tensor.offset, size);
  }
  return {};
}

Result<void> GgufParser::check_overlaps() const {
  std::vector<const SourceTensor*> by_offset;
  by_offset.reserve(file_.tensors_.size());
  for (const SourceTensor& tensor : file_.tensors_) by_offset.push_back(&tensor);
  std::sort(by_offset.begin(), by_offset.end(),
            [](const SourceTensor* a, const SourceTensor* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < by_offset.size(); ++i) {
    const SourceTensor& before = *by_offset[i - 1];
    if (before.offset + before.bytes.size() > by_offset[i]->offset) {
      return invalid_at(by_offset[i]->offset, "tensors '{}' and '{}' overlap", before.name,
                        by_offset[i]->name);
    }
  }
  return {};
}

Result<GgufFile> GgufParser::parse() {
  file_.size_ = bytes_.size();
  IMO_TRY(const Counts counts, read_header());
  file_.metadata_.reserve(counts.values);
  for (std::uint64_t i = 0; i < counts.values; ++i) {
    IMO_TRY(GgufValue value, read_value());
    file_.metadata_.push_back(value);
  }
  file_.tensors_.reserve(counts.tensors);
  for (std::uint64_t i = 0; i < counts.tensors; ++i) {
    IMO_TRY(SourceTensor tensor, read_tensor_entry());
    file_.tensors_.push_back(tensor);
  }
  IMO_TRY_VOID(index_names());
  IMO_TRY_VOID(place_tensors());
  IMO_TRY_VOID(check_overlaps());
  return std::move(file_);
}

Result<void> GgufParser::index_names() {
  const auto order_by = [](const auto& items, auto name) {
    std::vector<std::uint32_t> order(items.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return name(items[a]) < name(items[b]); });
    return order;
  };
  const auto repeated = [](const auto& items, const auto& order, auto name) {
    const auto at = std::adjacent_find(
        order.begin(), order.end(),
        [&](std::uint32_t a, std::uint32_t b) { return name(items[a]) == name(items[b]); });
    return at == order.end() ? std::string_view{} : name(items[*at]);
  };
  const auto key = [](const GgufValue& value) { return value.key; };
  const auto name = [](const SourceTensor& tensor) { return tensor.name; };

  file_.metadata_by_key_ = order_by(file_.metadata_, key);
  file_.tensors_by_name_ = order_by(file_.tensors_, name);
  if (const auto twice = repeated(file_.metadata_, file_.metadata_by_key_, key); !twice.empty()) {
    return invalid_at(file_.find(twice)->offset, "metadata '{}' is there twice", twice);
  }
  if (const auto twice = repeated(file_.tensors_, file_.tensors_by_name_, name); !twice.empty()) {
    return invalid(fmt::format("tensor '{}' is there twice", twice));
  }
  return {};
}

}  // namespace imo::model
