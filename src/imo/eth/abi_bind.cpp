#include "imo/eth/abi_bind.hpp"

#include <algorithm>

namespace imo::eth::abi {
namespace {

/// The types in bindings are literals that imo-abigen wrote.
Type must_parse(std::string_view types) {
  auto type = Type::parse(types);
  IMO_CHECK(type.has_value(), "a binding names a type that is none");
  return std::move(*type);
}

tl::unexpected<Error> other_shape() {
  return invalid("the value has another shape than its type");
}

/// What a topic holds of an indexed member: the value, or the hash of one that needs more room.
std::string topic_type(const Type& member) {
  switch (member.kind()) {
    case Type::Kind::kBytes:
    case Type::Kind::kString:
    case Type::Kind::kArray:
    case Type::Kind::kFixedArray:
    case Type::Kind::kTuple:
      return "bytes32";
    default:
      return member.canonical();
  }
}

/// The members that are not indexed, as one tuple.
std::string data_types(const Type& event) {
  std::string text = "(";
  for (const Type& member : event.members()) {
    if (member.indexed()) continue;
    if (text.size() > 1) text += ',';
    text += member.canonical() + (member.name().empty() ? "" : " " + member.name());
  }
  return text + ")";
}

Result<Value> read_event(const Type& event, const Hash32& topic0, const Log& log) {
  if (log.topics.empty() || log.topics.front() != topic0)
    return invalid("the log is another event");
  const auto indexed =
      static_cast<std::size_t>(std::count_if(event.members().begin(), event.members().end(),
                                             [](const Type& member) { return member.indexed(); }));
  if (log.topics.size() != indexed + 1) return invalid("the log has another number of topics");
  IMO_TRY(Value data, decode(must_parse(data_types(event)), log.data));
  Value::List members;
  std::size_t next_topic = 1;
  auto next_datum = std::get<Value::List>(data.data).begin();
  for (const Type& member : event.members()) {
    if (!member.indexed()) {
      members.push_back(std::move(*next_datum++));
      continue;
    }
    IMO_TRY(Value value, decode(must_parse(topic_type(member)), log.topics[next_topic++]));
    members.push_back(std::move(value));
  }
  return Value(std::move(members));
}

template <typename T>
Result<T> within(std::string_view what, Result<T> result) {
  if (!result) return tl::unexpected(result.error().within(what));
  return result;
}

}  // namespace

Value to_value(bool flag) {
  return Value(U256(flag ? 1 : 0));
}
Value to_value(const U256& number) {
  return Value(number);
}
Value to_value(const Address& address) {
  return Value(U256::from_be(address).value());
}
Value to_value(const Bytes& bytes) {
  return Value(bytes);
}
Value to_value(const std::string& text) {
  const BytesView bytes = as_bytes(text);
  return Value(Bytes(bytes.begin(), bytes.end()));
}

Value signed_value(std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  const std::uint64_t sign = number < 0 ? ~std::uint64_t{0} : 0;
  return Value(U256({bits, sign, sign, sign}));
}

Result<std::uint64_t> unsigned_of(const Value& value, unsigned bits) {
  const U256* number = value.number();
  if (number == nullptr || number->bit_length() > static_cast<int>(bits)) return other_shape();
  return *number->to_u64();
}

Result<std::int64_t> signed_of(const Value& value, unsigned bits) {
  const U256* number = value.number();
  if (number == nullptr) return other_shape();
  const auto low = static_cast<std::int64_t>(number->limbs()[0]);
  const bool wide = signed_value(low) != Value(*number);
  const std::int64_t most = static_cast<std::int64_t>((std::uint64_t{1} << (bits - 1)) - 1);
  if (wide || low > most || low < -most - 1) return other_shape();
  return low;
}

Result<void> fixed_of(const Value& value, std::span<std::uint8_t> out) {
  const Bytes* bytes = value.bytes();
  if (bytes == nullptr || bytes->size() != out.size()) return other_shape();
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return {};
}

Result<const Value::List*> list_of(const Value& value, std::size_t count) {
  const Value::List* list = value.list();
  if (list == nullptr || (count != std::string::npos && list->size() != count)) {
    return other_shape();
  }
  return list;
}

Result<void> from_value(const Value& value, bool& out) {
  IMO_TRY(const std::uint64_t flag, unsigned_of(value, 1));
  out = flag == 1;
  return {};
}

Result<void> from_value(const Value& value, U256& out) {
  if (value.number() == nullptr) return other_shape();
  out = *value.number();
  return {};
}

Result<void> from_value(const Value& value, Address& out) {
  if (value.number() == nullptr || value.number()->bit_length() > 160) return other_shape();
  const Hash32 word = value.number()->to_be();
  std::copy(word.bytes.begin() + 12, word.bytes.end(), out.bytes.begin());
  return {};
}

Result<void> from_value(const Value& value, Bytes& out) {
  if (value.bytes() == nullptr) return other_shape();
  out = *value.bytes();
  return {};
}

Result<void> from_value(const Value& value, std::string& out) {
  if (value.bytes() == nullptr) return other_shape();
  out = as_text(*value.bytes());
  return {};
}

Result<Bytes> encode_behind(BytesView prefix, std::string_view types, Value::List values) {
  Bytes bytes(prefix.begin(), prefix.end());
  IMO_TRY(const Bytes encoded, encode(must_parse(types), Value(std::move(values))));
  append(bytes, encoded);
  return bytes;
}

Result<Value> decode_tuple(std::string_view what, std::string_view types, BytesView data) {
  return within(what, decode(must_parse(types), data));
}

Result<Value> decode_event(std::string_view what, std::string_view types, const Hash32& topic0,
                           const Log& log) {
  return within(what, read_event(must_parse(types), topic0, log));
}

Result<Value> decode_error(std::string_view what, std::string_view types, const Selector& selector,
                           BytesView revert_data) {
  if (revert_data.size() < selector.size() ||
      !std::equal(selector.begin(), selector.end(), revert_data.begin())) {
    return invalid(std::string(what) + ": the revert data is another error's");
  }
  return decode_tuple(what, types, revert_data.subspan(selector.size()));
}

}  // namespace imo::eth::abi
