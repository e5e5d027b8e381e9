#include "imo/model/safetensors.hpp"

#include "imo/model/little_endian.hpp"
#include "imo/model/utf8.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::model {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kStart = 8;  ///< of the header, behind its length
constexpr std::size_t kLongestName = 1024;

/// The width of a type that the format has.
std::optional<std::uint64_t> type_bytes(std::string_view type) {
  for (const std::string_view name : {"BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"}) {
    if (type == name) return 1;
  }
  for (const std::string_view name : {"U16", "I16", "F16", "BF16"}) {
    if (type == name) return 2;
  }
  for (const std::string_view name : {"U32", "I32", "F32"}) {
    if (type == name) return 4;
  }
  for (const std::string_view name : {"U64", "I64", "F64"}) {
    if (type == name) return 8;
  }
  return std::nullopt;
}

std::optional<TensorType> tensor_type(std::string_view type) {
  if (type == "F32") return TensorType::kF32;
  if (type == "F16") return TensorType::kF16;
  if (type == "BF16") return TensorType::kBF16;
  return std::nullopt;
}

/// The header as JSON in which every key stands once.
Result<Json> parse_header(BytesView bytes) {
  std::vector<std::set<std::string>> keys;
  std::string twice;
  const auto watch = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && twice.empty() &&
        !keys.back().insert(value.get<std::string>()).second) {
      twice = value.get<std::string>();
    }
    return true;
  };
  Json header = Json::parse(bytes.begin(), bytes.end(), watch, /*allow_exceptions=*/false);
  if (header.is_discarded() || !header.is_object()) {
    return invalid(fmt::format("the header at offset {} is not a JSON object", kStart));
  }
  if (!twice.empty()) {
    return invalid(fmt::format("the header names {} twice", in_quotes(twice)));
  }
  return header;
}

/// The numbers of a JSON array; nothing when it is something else.
std::optional<std::vector<std::uint64_t>> numbers(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return std::nullopt;
  std::vector<std::uint64_t> result;
  for (const Json& each : *found) {
    if (!each.is_number_unsigned()) return std::nullopt;
    result.push_back(each.get<std::uint64_t>());
  }
  return result;
}

}  // namespace

/// The one pass that turns bytes into entries.
class SafetensorsFile::Parser {
 public:
  explicit Parser(BytesView bytes) : bytes_(bytes) {}

  Result<std::vector<Entry>> run() {
    IMO_TRY_VOID(find_data());
    IMO_TRY(const Json header, parse_header(bytes_.subspan(kStart, data_ - kStart)));
    std::vector<Entry> entries;
    for (const auto& [name, about] : header.items()) {
      if (name == "__metadata__") continue;
      auto entry = read_entry(name, about);
      if (!entry) {
        return tl::unexpected(entry.error().within(fmt::format("tensor {}", in_quotes(name))));
      }
      entries.push_back(std::move(*entry));
    }
    IMO_TRY_VOID(check_places(entries));
    return entries;
  }

 private:
  Result<void> find_data() {
    if (bytes_.size() < kStart) {
      return invalid(fmt::format("{} bytes are no safetensors file", bytes_.size()));
    }
    const std::uint64_t length = load_u64(bytes_.data());
    if (length > kLongestHeader || length > bytes_.size() - kStart) {
      return invalid(
          fmt::format("the header's length at offset 0 is {}, but the file has {} bytes, and at "
                      "most {} are read",
                      length, bytes_.size(), kLongestHeader));
    }
    data_ = kStart + length;
    return {};
  }

  Result<Entry> read_entry(const std::string& name, const Json& about) const {
    if (name.empty() || name.size() > kLongestName) return invalid("a name of no sensible length");
    if (!about.is_object()) return invalid("is described by no JSON object");
    const auto type = about.find("dtype");
    if (type == about.end() || !type->is_string()) return invalid("has no dtype");
    const auto shape = numbers(about, "shape");
    if (!shape || shape->size() > 4) return invalid("has no shape of at most 4 dimensions");
    const auto place = numbers(about, "data_offsets");
    if (!place || place->size() != 2) return invalid("has no two data_offsets");
    Entry entry{name, type->get<std::string>(), {}};
    IMO_TRY_VOID(set_shape(*shape, entry));
    IMO_TRY_VOID(set_place((*place)[0], (*place)[1], entry));
    return entry;
  }

  // The last dimension of the file runs fastest: it is the first of ours.
  static Result<void> set_shape(const std::vector<std::uint64_t>& shape, Entry& entry) {
    std::uint64_t count = 1;
    for (const std::uint64_t size : shape) {
      if (size == 0 || size > SafetensorsFile::kMostValues / count) {
        return invalid("has a dimension of zero, or more values than any file holds");
      }
      count *= size;
    }
    entry.tensor.rank = static_cast<std::uint32_t>(shape.size());
    std::copy(shape.rbegin(), shape.rend(), entry.tensor.dimensions.begin());
    return {};
  }

  Result<void> set_place(std::uint64_t begin, std::uint64_t end, Entry& entry) const {
    const std::uint64_t size = bytes_.size() - data_;
    if (begin > end || end > size) {
      return invalid(fmt::format("has data_offsets {} to {}, but the file holds {} bytes of data",
                                 begin, end, size));
    }
    const auto width = type_bytes(entry.type);
    if (!width) return invalid(fmt::format("has the unknown dtype {}", in_quotes(entry.type)));
    SourceTensor& tensor = entry.tensor;
    const std::uint64_t needed = tensor.columns() * tensor.rows() * *width;
    if (needed != end - begin) {
      return invalid(
          fmt::format("needs {} bytes by its shape and dtype, but its data_offsets {} "
                      "to {} are {}",
                      needed, begin, end, end - begin));
    }
    tensor.offset = data_ + begin;
    tensor.bytes = bytes_.subspan(tensor.offset, needed);
    return {};
  }

  // The format leaves no hole: every byte of the data is one tensor's.
  Result<void> check_places(const std::vector<Entry>& entries) const {
    std::vector<const Entry*> order;
    for (const Entry& entry : entries) order.push_back(&entry);
    std::sort(order.begin(), order.end(),
              [](const Entry* a, const Entry* b) { return a->tensor.offset < b->tensor.offset; });
    std::uint64_t at = data_;
    for (const Entry* entry : order) {
      if (entry->tensor.offset != at) {
        return invalid(
            fmt::format("tensor {} begins at offset {}, but the tensors before it end "
                        "at {}: they overlap, or there is a hole",
                        in_quotes(entry->name), entry->tensor.offset, at));
      }
      at += entry->tensor.bytes.size();
    }
    if (at == bytes_.size()) return {};
    return invalid(fmt::format("the tensors end at offset {}, the file at {}", at, bytes_.size()));
  }

  BytesView bytes_;
  std::uint64_t data_ = 0;  ///< where the tensors' bytes begin
};

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  IMO_TRY(auto mapped, MappedFile::open(path));
  auto owner = std::make_shared<const MappedFile>(std::move(mapped));
  auto file = parse(owner->bytes());
  if (!file) return tl::unexpected(file.error().within(path.string()));
  file->mapped_ = std::move(owner);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::parse(BytesView bytes) {
  IMO_TRY(std::vector<Entry> entries, Parser(bytes).run());
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  SafetensorsFile file;
  file.entries_ = std::make_shared<const std::vector<Entry>>(std::move(entries));
  return file;
}

std::vector<std::string_view> SafetensorsFile::names() const {
  std::vector<std::string_view> names;
  for (const Entry& entry : *entries_) names.emplace_back(entry.name);
  return names;
}

const SafetensorsFile::Entry* SafetensorsFile::find(std::string_view name) const {
  const auto at = std::lower_bound(
      entries_->begin(), entries_->end(), name,
      [](const Entry& entry, std::string_view wanted) { return entry.name < wanted; });
  return at != entries_->end() && at->name == name ? &*at : nullptr;
}

bool SafetensorsFile::has(std::string_view name) const {
  return find(name) != nullptr;
}

Result<SourceTensor> SafetensorsFile::tensor(std::string_view name) const {
  const Entry* entry = find(name);
  if (entry == nullptr) return invalid(fmt::format("tensor '{}' is missing", name));
  const auto type = tensor_type(entry->type);
  if (!type) {
    return invalid(
        fmt::format("tensor '{}' is of dtype {}; F32, F16 and BF16 are read", name, entry->type));
  }
  SourceTensor tensor = entry->tensor;
  tensor.name = entry->name;
  tensor.type = *type;
  return tensor;
}

}  // namespace imo::model
