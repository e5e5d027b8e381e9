#include "imo/eth/abi.hpp"
#include "imo/eth/abi_word.hpp"

#include <algorithm>

namespace imo::eth::abi {
namespace {

/// Walks the data once: tails follow the heads of their frame in order and without gaps, so the
/// next tail is always at `tail_`. Whatever points elsewhere is refused, which also keeps offsets
/// from sharing one tail and blowing up the value.
class Decoder {
 public:
  explicit Decoder(BytesView data) : data_(data) {}

  Result<Value> whole(const Type& type) {
    IMO_TRY(Value value, outermost(type));
    if (tail_ != data_.size()) return fault(tail_, "more data behind the value");
    return value;
  }

 private:
  /// encode() writes a value by itself as it would write its tail, or its head when it has none.
  Result<Value> outermost(const Type& type) {
    if (type.is_dynamic()) return tail(type);
    if (type.head_bytes() > data_.size()) return fault(data_.size(), "the data is cut off");
    tail_ = type.head_bytes();
    return head(type, 0);
  }

  /// `count` members side by side at `start`, of the types in `types` or all of its only one.
  Result<Value> frame(const std::vector<Type>& types, std::size_t count, std::size_t start) {
    const auto type_at = [&](std::size_t i) -> const Type& {
      return types.size() == 1 ? types.front() : types[i];
    };
    std::size_t heads = 0;
    if (types.size() == 1) {
      heads = count * types.front().head_bytes();
    } else {
      for (const Type& type : types) heads += type.head_bytes();
    }
    if (heads > data_.size() - start) return fault(start, "the data is cut off");
    tail_ = start + heads;
    Value::List values;
    values.reserve(count);
    for (std::size_t i = 0, at = start; i < count; at += type_at(i).head_bytes(), ++i) {
      auto value = member(type_at(i), at, start);
      if (!value) return tl::unexpected(value.error().within(place_of(type_at(i), i)));
      values.push_back(std::move(*value));
    }
    return Value(std::move(values));
  }

  Result<Value> member(const Type& type, std::size_t at, std::size_t start) {
    if (!type.is_dynamic()) return head(type, at);
    if (word(at) != U256(tail_ - start)) {
      return fault(at, "the offset does not point to the next tail");
    }
    return tail(type);
  }

  /// A static value whose bytes are known to be there.
  Result<Value> head(const Type& type, std::size_t at) {
    switch (type.kind()) {
      case Type::Kind::kFixedBytes: {
        IMO_TRY_VOID(zeros(at + type.size(), at + kWord));
        const BytesView bytes = data_.subspan(at, type.size());
        return Value(Bytes(bytes.begin(), bytes.end()));
      }
      case Type::Kind::kFixedArray:
      case Type::Kind::kTuple: {
        const std::size_t outer_tail = tail_;
        const std::size_t count =
            type.kind() == Type::Kind::kTuple ? type.members().size() : type.size();
        auto value = frame(type.members(), count, at);
        tail_ = outer_tail;
        return value;
      }
      default: {
        const U256 number = word(at);
        if (auto fits = check_number(type, number); !fits) return fault(at, fits.error().message);
        return Value(number);
      }
    }
  }

  /// A dynamic value at the next tail.
  Result<Value> tail(const Type& type) {
    const std::size_t start = tail_;
    if (type.kind() == Type::Kind::kTuple)
      return frame(type.members(), type.members().size(), start);
    if (type.kind() == Type::Kind::kFixedArray) return frame(type.members(), type.size(), start);
    const bool is_array = type.kind() == Type::Kind::kArray;
    if (kWord > data_.size() - start) return fault(start, "the data is cut off");
    const std::size_t room = data_.size() - start - kWord;
    const auto length = word(start).to_u64();
    if (!length || *length > room / (is_array ? type.element().head_bytes() : 1)) {
      return fault(start, "the length goes beyond the data");
    }
    if (is_array) return frame(type.members(), *length, start + kWord);
    return bytes(*length, room);
  }

  Result<Value> bytes(std::size_t length, std::size_t room) {
    const std::size_t start = tail_ + kWord;
    if (padded(length) > room) return fault(start, "the padding is cut off");
    IMO_TRY_VOID(zeros(start + length, start + padded(length)));
    tail_ = start + padded(length);
    const BytesView view = data_.subspan(start, length);
    return Value(Bytes(view.begin(), view.end()));
  }

  [[nodiscard]] U256 word(std::size_t at) const {
    return U256::from_be(data_.subspan(at, kWord)).value();
  }

  Result<void> zeros(std::size_t from, std::size_t to) const {
    const BytesView padding = data_.subspan(from, to - from);
    if (std::any_of(padding.begin(), padding.end(), [](std::uint8_t b) { return b != 0; })) {
      return fault(from, "the padding is not zero");
    }
    return {};
  }

  static tl::unexpected<Error> fault(std::size_t at, const std::string& what) {
    return invalid("ABI at byte " + std::to_string(at) + ": " + what);
  }

  BytesView data_;
  std::size_t tail_ = 0;
};

}  // namespace

Result<Value> decode(const Type& type, BytesView data) {
  return Decoder(data).whole(type);
}

}  // namespace imo::eth::abi
