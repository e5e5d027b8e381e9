/// Between C++ values and abi::Value, for the code that imo-abigen writes. Include it in .cpp files
/// only; headers of bindings do not need it.
///
/// | Solidity              | C++                                                        |
/// |-----------------------|------------------------------------------------------------|
/// | uint8 ... uint64      | std::uint8_t ... std::uint64_t, the next size up           |
/// | wider uint            | U256                                                       |
/// | int8 ... int64        | std::int8_t ... std::int64_t, the next size up             |
/// | wider int             | U256, two's complement over 256 bits                       |
/// | bool, address         | bool, Address                                              |
/// | bytesN                | FixedBytes<N> (bytes32: Hash32)                            |
/// | bytes, string         | Bytes, std::string                                         |
/// | T[], T[k]             | std::vector<T>, std::array<T, k>                           |
/// | uint8[]               | std::vector<std::uint16_t>, as vectors of bytes are Bytes  |
/// | struct, tuple         | a generated struct with its own to_value and from_value    |
#pragma once

#include "imo/base/check.hpp"
#include "imo/eth/abi.hpp"
#include "imo/eth/types.hpp"

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

namespace imo::eth::abi {

template <typename T>
concept Number = std::integral<T> && !std::same_as<T, bool>;

Value to_value(bool flag);
Value to_value(const U256& number);
Value to_value(const Address& address);
Value to_value(const Bytes& bytes);
Value to_value(const std::string& text);
Value signed_value(std::int64_t number);
template <Number T>
Value to_value(T number) {
  if constexpr (std::is_signed_v<T>) {
    return signed_value(number);
  } else {
    return Value(U256(number));
  }
}
/// bytesN; an Address is a number to the ABI and has its own overload.
template <std::size_t N>
Value to_value(const FixedBytes<N>& bytes) {
  return Value(Bytes(bytes.bytes.begin(), bytes.bytes.end()));
}
template <typename T>
Value to_value(const std::vector<T>& items);
template <typename T, std::size_t N>
Value to_value(const std::array<T, N>& items);

Result<void> from_value(const Value& value, bool& out);
Result<void> from_value(const Value& value, U256& out);
Result<void> from_value(const Value& value, Address& out);
Result<void> from_value(const Value& value, Bytes& out);
Result<void> from_value(const Value& value, std::string& out);
Result<std::uint64_t> unsigned_of(const Value& value, unsigned bits);
Result<std::int64_t> signed_of(const Value& value, unsigned bits);
/// Fills `out` from a byte string of exactly that size.
Result<void> fixed_of(const Value& value, std::span<std::uint8_t> out);
/// The members of an array or tuple; of exactly `count` when that is not npos.
Result<const Value::List*> list_of(const Value& value, std::size_t count = std::string::npos);
template <Number T>
Result<void> from_value(const Value& value, T& out) {
  if constexpr (std::is_signed_v<T>) {
    IMO_TRY(const std::int64_t number, signed_of(value, 8 * sizeof(T)));
    out = static_cast<T>(number);
  } else {
    IMO_TRY(const std::uint64_t number, unsigned_of(value, 8 * sizeof(T)));
    out = static_cast<T>(number);
  }
  return {};
}
template <std::size_t N>
Result<void> from_value(const Value& value, FixedBytes<N>& out) {
  return fixed_of(value, out.bytes);
}
template <typename T>
Result<void> from_value(const Value& value, std::vector<T>& out);
template <typename T, std::size_t N>
Result<void> from_value(const Value& value, std::array<T, N>& out);

template <typename T>
Value to_value(const std::vector<T>& items) {
  Value::List list;
  list.reserve(items.size());
  for (const T& item : items) list.push_back(to_value(item));
  return Value(std::move(list));
}

template <typename T, std::size_t N>
Value to_value(const std::array<T, N>& items) {
  Value::List list;
  list.reserve(N);
  for (const T& item : items) list.push_back(to_value(item));
  return Value(std::move(list));
}

template <typename T>
Result<void> from_value(const Value& value, std::vector<T>& out) {
  IMO_TRY(const Value::List* list, list_of(value));
  out.resize(list->size());
  for (std::size_t i = 0; i < out.size(); ++i) IMO_TRY_VOID(from_value((*list)[i], out[i]));
  return {};
}

template <typename T, std::size_t N>
Result<void> from_value(const Value& value, std::array<T, N>& out) {
  IMO_TRY(const Value::List* list, list_of(value, N));
  for (std::size_t i = 0; i < N; ++i) IMO_TRY_VOID(from_value((*list)[i], out[i]));
  return {};
}

/// Encodes the tuple `types` behind `prefix` (a selector, or creation code).
Result<Bytes> encode_behind(BytesView prefix, std::string_view types, Value::List values);

/// Decodes the tuple `types`; the message names `what`.
Result<Value> decode_tuple(std::string_view what, std::string_view types, BytesView data);

/// An event's members in the order of its declaration, from topics and data. `types` marks members
/// `indexed`; those whose type is dynamic, an array or a tuple come as the bytes32 of their topic.
Result<Value> decode_event(std::string_view what, std::string_view types, const Hash32& topic0,
                           const Log& log);

/// An error's members, from revert data that starts with its selector.
Result<Value> decode_error(std::string_view what, std::string_view types, const Selector& selector,
                           BytesView revert_data);

template <typename... Args>
Result<Bytes> encode_args(BytesView prefix, std::string_view types, const Args&... args) {
  Value::List values;
  values.reserve(sizeof...(Args));
  (values.push_back(to_value(args)), ...);
  return encode_behind(prefix, types, std::move(values));
}

/// A function's only result.
template <typename T>
Result<T> decode_one(std::string_view what, std::string_view types, BytesView data) {
  IMO_TRY(const Value tuple, decode_tuple(what, types, data));
  T out{};
  IMO_TRY_VOID(from_value(tuple.list()->front(), out));
  return out;
}

/// A function's several results.
template <typename T>
Result<T> decode_struct(std::string_view what, std::string_view types, BytesView data) {
  IMO_TRY(const Value tuple, decode_tuple(what, types, data));
  T out{};
  IMO_TRY_VOID(from_value(tuple, out));
  return out;
}

}  // namespace imo::eth::abi
