#include "imo/eth/abi.hpp"
#include "imo/eth/abi_word.hpp"

namespace imo::eth::abi {
namespace {

tl::unexpected<Error> misfit(const Type& type) {
  return invalid("the value is no " + type.canonical());
}

void append_number(Bytes& out, const U256& number) {
  append(out, number.to_be());
}

void append_padded(Bytes& out, BytesView bytes) {
  append(out, bytes);
  out.resize(out.size() + padded(bytes.size()) - bytes.size());
}

Result<void> append_value(Bytes& out, const Type& type, const Value& value);

/// Heads first, then the tails of the dynamic members, each at the offset that its head gives.
/// The types are those of `members`, one for each value or one for all.
Result<void> append_frame(Bytes& out, const std::vector<Type>& members, const Value::List& values) {
  const auto type_at = [&](std::size_t i) -> const Type& {
    return members.size() == 1 ? members.front() : members[i];
  };
  std::size_t head_bytes = 0;
  for (std::size_t i = 0; i < values.size(); ++i) head_bytes += type_at(i).head_bytes();
  Bytes tails;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Type& type = type_at(i);
    if (type.is_dynamic()) append_number(out, head_bytes + tails.size());
    auto done = append_value(type.is_dynamic() ? tails : out, type, values[i]);
    if (!done) return tl::unexpected(done.error().within(place_of(type, i)));
  }
  append(out, tails);
  return {};
}

Result<void> append_list(Bytes& out, const Type& type, const Value& value) {
  const Value::List* list = value.list();
  if (list == nullptr) return misfit(type);
  const bool is_tuple = type.kind() == Type::Kind::kTuple;
  const std::size_t wanted = is_tuple ? type.members().size() : type.size();
  if (type.kind() == Type::Kind::kArray) {
    append_number(out, list->size());
  } else if (list->size() != wanted) {
    return invalid(std::to_string(list->size()) + " members where " + type.canonical() + " has " +
                   std::to_string(wanted));
  }
  return append_frame(out, type.members(), *list);
}

Result<void> append_value(Bytes& out, const Type& type, const Value& value) {
  switch (type.kind()) {
    case Type::Kind::kUint:
    case Type::Kind::kInt:
    case Type::Kind::kBool:
    case Type::Kind::kAddress: {
      if (value.number() == nullptr) return misfit(type);
      IMO_TRY_VOID(check_number(type, *value.number()));
      append_number(out, *value.number());
      return {};
    }
    case Type::Kind::kFixedBytes:
    case Type::Kind::kBytes:
    case Type::Kind::kString: {
      const Bytes* bytes = value.bytes();
      if (bytes == nullptr) return misfit(type);
      if (type.is_dynamic()) {
        append_number(out, bytes->size());
      } else if (bytes->size() != type.size()) {
        return misfit(type);
      }
      append_padded(out, *bytes);
      return {};
    }
    case Type::Kind::kArray:
    case Type::Kind::kFixedArray:
    case Type::Kind::kTuple:
      break;
  }
  return append_list(out, type, value);
}

/// Whether the two's complement integer fits `bits`: all higher bits equal the sign bit.
bool fits_signed(const U256& number, std::size_t bits) {
  const int room = static_cast<int>(bits) - 1;
  return number.bit_length() <= room || (U256::max() - number).bit_length() <= room;
}

}  // namespace

Result<void> check_number(const Type& type, const U256& number) {
  bool fits = false;
  switch (type.kind()) {
    case Type::Kind::kUint:
      fits = number.bit_length() <= static_cast<int>(type.size());
      break;
    case Type::Kind::kInt:
      fits = fits_signed(number, type.size());
      break;
    case Type::Kind::kBool:
      fits = number <= U256(1);
      break;
    default:
      fits = number.bit_length() <= 160;
  }
  if (!fits) return invalid(number.to_quantity() + " does not fit " + type.canonical());
  return {};
}

std::string place_of(const Type& member, std::size_t index) {
  return member.name().empty() ? "[" + std::to_string(index) + "]" : member.name();
}

Result<Bytes> encode(const Type& type, const Value& value) {
  Bytes out;
  IMO_TRY_VOID(append_value(out, type, value));
  return out;
}

}  // namespace imo::eth::abi
