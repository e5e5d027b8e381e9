#include "imo/model/gguf.hpp"

#include "imo/model/gguf_parser.hpp"
#include "imo/model/little_endian.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

namespace imo::model {
namespace {

bool is_integer(GgufValueType type) {
  switch (type) {
    case GgufValueType::kUint8:
    case GgufValueType::kInt8:
    case GgufValueType::kUint16:
    case GgufValueType::kInt16:
    case GgufValueType::kUint32:
    case GgufValueType::kInt32:
    case GgufValueType::kUint64:
    case GgufValueType::kInt64:
      return true;
    default:
      return false;
  }
}

// Sign extension for the signed types; a kUint64 above 2^63 is left to the callers.
std::int64_t load_integer(GgufValueType type, const std::uint8_t* p) {
  switch (type) {
    case GgufValueType::kUint8:
      return p[0];
    case GgufValueType::kInt8:
      return static_cast<std::int8_t>(p[0]);
    case GgufValueType::kUint16:
      return load_u16(p);
    case GgufValueType::kInt16:
      return static_cast<std::int16_t>(load_u16(p));
    case GgufValueType::kUint32:
      return load_u32(p);
    case GgufValueType::kInt32:
      return static_cast<std::int32_t>(load_u32(p));
    default:
      return static_cast<std::int64_t>(load_u64(p));
  }
}

auto wrong_kind(const GgufValue& value, std::string_view wanted) {
  return invalid(fmt::format("metadata '{}' (offset {}) is not {} but {}{}", value.key,
                             value.offset, wanted, value.is_array ? "an array of " : "",
                             gguf_value_type_name(value.type)));
}

auto missing(std::string_view key) {
  return fail(ErrorKind::kInvalidInput, fmt::format("metadata '{}' is missing", key));
}

template <typename Items, typename Name>
const auto* find_by(const Items& items, const std::vector<std::uint32_t>& order,
                    std::string_view wanted, Name name) {
  const auto at = std::lower_bound(
      order.begin(), order.end(), wanted,
      [&](std::uint32_t index, std::string_view text) { return name(items[index]) < text; });
  const bool found = at != order.end() && name(items[*at]) == wanted;
  return found ? &items[*at] : nullptr;
}

}  // namespace

Result<GgufFile> GgufFile::open(const std::filesystem::path& path) {
  IMO_TRY(auto mapped, MappedFile::open(path));
  auto owner = std::make_shared<const MappedFile>(std::move(mapped));
  auto file = GgufParser(owner->bytes()).parse();
  if (!file) return tl::unexpected(file.error().within(path.string()));
  file->mapped_ = std::move(owner);
  return file;
}

Result<GgufFile> GgufFile::parse(BytesView bytes) {
  return GgufParser(bytes).parse();
}

const GgufValue* GgufFile::find(std::string_view key) const {
  return find_by(metadata_, metadata_by_key_, key, [](const GgufValue& v) { return v.key; });
}

const SourceTensor* GgufFile::find_tensor(std::string_view name) const {
  return find_by(tensors_, tensors_by_name_, name, [](const SourceTensor& t) { return t.name; });
}

Result<std::uint64_t> GgufFile::unsigned_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return missing(key);
  if (value->is_array || !is_integer(value->type)) return wrong_kind(*value, "an integer");
  const std::int64_t number = load_integer(value->type, value->bytes.data());
  if (number < 0 && value->type != GgufValueType::kUint64) {
    return invalid(fmt::format("metadata '{}' (offset {}) is {}, which is negative", key,
                               value->offset, number));
  }
  return static_cast<std::uint64_t>(number);
}

Result<double> GgufFile::real_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return missing(key);
  if (!value->is_array && value->type == GgufValueType::kFloat32) {
    return std::bit_cast<float>(load_u32(value->bytes.data()));
  }
  if (!value->is_array && value->type == GgufValueType::kFloat64) {
    return std::bit_cast<double>(load_u64(value->bytes.data()));
  }
  return wrong_kind(*value, "a floating point number");
}

Result<bool> GgufFile::bool_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return missing(key);
  if (value->is_array || value->type != GgufValueType::kBool) return wrong_kind(*value, "a bool");
  return value->bytes[0] != 0;
}

Result<std::string_view> GgufFile::string_value(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return missing(key);
  if (value->is_array || value->type != GgufValueType::kString) {
    return wrong_kind(*value, "a string");
  }
  return as_text(value->bytes.subspan(8));
}

Result<std::vector<std::string_view>> GgufFile::string_array(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return missing(key);
  if (!value->is_array || value->type != GgufValueType::kString) {
    return wrong_kind(*value, "an array of strings");
  }
  std::vector<std::string_view> strings;
  strings.reserve(value->count);
  for (BytesView rest = value->bytes; !rest.empty();) {
    const std::uint64_t length = load_u64(rest.data());
    strings.push_back(as_text(rest.subspan(8, length)));
    rest = rest.subspan(8 + length);
  }
  return strings;
}

Result<std::vector<float>> GgufFile::float_array(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return missing(key);
  if (!value->is_array || value->type != GgufValueType::kFloat32) {
    return wrong_kind(*value, "an array of float32");
  }
  std::vector<float> numbers(value->count);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = std::bit_cast<float>(load_u32(value->bytes.data() + 4 * i));
  }
  return numbers;
}

Result<std::vector<std::int64_t>> GgufFile::integer_array(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return missing(key);
  if (!value->is_array || !is_integer(value->type) || value->type == GgufValueType::kUint64) {
    return wrong_kind(*value, "an array of integers below 2^63");
  }
  const std::size_t width = value->count == 0 ? 0 : value->bytes.size() / value->count;
  std::vector<std::int64_t> numbers(value->count);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = load_integer(value->type, value->bytes.data() + width * i);
  }
  return numbers;
}

Result<std::uint64_t> GgufFile::unsigned_or(std::string_view key, std::uint64_t other) const {
  return find(key) == nullptr ? Result<std::uint64_t>(other) : unsigned_value(key);
}

Result<double> GgufFile::real_or(std::string_view key, double other) const {
  return find(key) == nullptr ? Result<double>(other) : real_value(key);
}

Result<bool> GgufFile::bool_or(std::string_view key, bool other) const {
  return find(key) == nullptr ? Result<bool>(other) : bool_value(key);
}

Result<std::string_view> GgufFile::string_or(std::string_view key, std::string_view other) const {
  return find(key) == nullptr ? Result<std::string_view>(other) : string_value(key);
}

}  // namespace imo::model
