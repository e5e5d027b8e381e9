#include "imo/crypto/keccak.hpp"
#include "imo/eth/abi.hpp"

#include <algorithm>
#include <charconv>

namespace imo::eth::abi {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$';
}

}  // namespace

/// Recursive descent over `type := (tuple | word) suffix*`, `member := type [indexed] [name]`.
class TypeParser {
 public:
  explicit TypeParser(std::string_view text) : text_(text) {}

  Result<Type> whole() {
    IMO_TRY(Type type, type_at(0));
    if (position_ != text_.size()) return fault("more text behind the type");
    return type;
  }

 private:
  Result<Type> type_at(std::size_t depth) {
    if (depth == kMaxTypeDepth) return fault("nested too deeply");
    Type type;
    if (take('(')) {
      IMO_TRY(type, tuple(depth));
    } else {
      IMO_TRY(type, elementary(word()));
    }
    for (std::size_t dimensions = 1; take('['); ++dimensions) {
      if (depth + dimensions == kMaxTypeDepth) return fault("nested too deeply");
      IMO_TRY(type, array_of(std::move(type)));
    }
    return type;
  }

  Result<Type> tuple(std::size_t depth) {
    Type type;
    type.kind_ = Type::Kind::kTuple;
    std::size_t head = 0;
    if (!take(')')) {
      do {
        while (take(' ')) {
        }
        IMO_TRY(Type member, type_at(depth + 1));
        IMO_TRY_VOID(names_of(member));
        head += member.head_bytes();
        type.dynamic_ = type.dynamic_ || member.is_dynamic();
        if (head > kMaxHeadBytes) return fault("the tuple is too wide");
        type.members_.push_back(std::move(member));
      } while (take(','));
      if (!take(')')) return fault("expected ) or ,");
    }
    if (type.members_.empty() && depth > 0) return fault("an empty tuple inside another type");
    type.static_bytes_ = head;
    return type;
  }

  Result<void> names_of(Type& member) {
    while (take(' ')) {
      const std::string_view name = word();
      if (name.empty()) return fault("expected a name");
      if (name == "indexed" && !member.indexed_ && member.name_.empty()) {
        member.indexed_ = true;
      } else if (member.name_.empty()) {
        member.name_ = name;
      } else {
        return fault("expected ) or ,");
      }
    }
    return {};
  }

  Result<Type> array_of(Type element) {
    if (element.kind_ == Type::Kind::kTuple && element.members_.empty()) {
      return fault("an array of empty tuples");
    }
    Type type;
    if (take(']')) {
      type.kind_ = Type::Kind::kArray;
      type.dynamic_ = true;
    } else {
      IMO_TRY(const std::size_t count, number(word()));
      if (count == 0) return fault("an array of no elements");
      if (!take(']')) return fault("expected ]");
      if (count > kMaxHeadBytes / element.head_bytes()) return fault("the array is too long");
      type.kind_ = Type::Kind::kFixedArray;
      type.size_ = count;
      type.static_bytes_ = count * element.head_bytes();
      type.dynamic_ = element.is_dynamic();
    }
    type.members_.push_back(std::move(element));
    return type;
  }

  Result<Type> elementary(std::string_view name) {
    Type type;
    if (name == "bool") {
      type.kind_ = Type::Kind::kBool;
    } else if (name == "address") {
      type.kind_ = Type::Kind::kAddress;
    } else if (name == "string" || name == "bytes") {
      type.kind_ = name == "string" ? Type::Kind::kString : Type::Kind::kBytes;
      type.dynamic_ = true;
    } else if (name == "function") {
      type.kind_ = Type::Kind::kFixedBytes;
      type.size_ = 24;
    } else if (name.starts_with("bytes")) {
      return sized(Type::Kind::kFixedBytes, name.substr(5), 1, 32);
    } else if (name.starts_with("uint")) {
      return sized(Type::Kind::kUint, name == "uint" ? "256" : name.substr(4), 8, 256);
    } else if (name.starts_with("int")) {
      return sized(Type::Kind::kInt, name == "int" ? "256" : name.substr(3), 8, 256);
    } else {
      return fault("'" + std::string(name.substr(0, 40)) + "' is no type of the ABI");
    }
    return type;
  }

  Result<Type> sized(Type::Kind kind, std::string_view digits, std::size_t step, std::size_t most) {
    IMO_TRY(const std::size_t size, number(digits));
    if (size == 0 || size > most || size % step != 0) return fault("no type has this size");
    Type type;
    type.kind_ = kind;
    type.size_ = size;
    return type;
  }

  Result<std::size_t> number(std::string_view digits) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool plain = std::all_of(digits.begin(), digits.end(), is_digit);
    if (digits.empty() || !plain || digits.front() == '0' || error != std::errc{} ||
        end != digits.data() + digits.size()) {
      return fault("expected a positive number");
    }
    return value;
  }

  std::string_view word() {
    const std::size_t start = position_;
    while (position_ < text_.size() && is_word(text_[position_])) ++position_;
    return text_.substr(start, position_ - start);
  }

  bool take(char c) {
    if (position_ == text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }

  [[nodiscard]] tl::unexpected<Error> fault(const std::string& what) const {
    return invalid("ABI type '" + std::string(text_.substr(0, 100)) + "' at character " +
                   std::to_string(position_) + ": " + what);
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

Result<Type> Type::parse(std::string_view text) {
  return TypeParser(text).whole();
}

std::string Type::canonical() const {
  switch (kind_) {
    case Kind::kUint:
      return "uint" + std::to_string(size_);
    case Kind::kInt:
      return "int" + std::to_string(size_);
    case Kind::kBool:
      return "bool";
    case Kind::kAddress:
      return "address";
    case Kind::kFixedBytes:
      return "bytes" + std::to_string(size_);
    case Kind::kBytes:
      return "bytes";
    case Kind::kString:
      return "string";
    case Kind::kArray:
      return element().canonical() + "[]";
    case Kind::kFixedArray:
      return element().canonical() + "[" + std::to_string(size_) + "]";
    case Kind::kTuple:
      break;
  }
  std::string text = "(";
  for (const Type& member : members_) {
    if (text.size() > 1) text += ',';
    text += member.canonical();
  }
  return text + ")";
}

Selector selector_of(std::string_view signature) {
  const Hash32 hash = crypto::keccak256(as_bytes(signature));
  return {hash.bytes[0], hash.bytes[1], hash.bytes[2], hash.bytes[3]};
}

Hash32 topic_of(std::string_view signature) {
  return crypto::keccak256(as_bytes(signature));
}

}  // namespace imo::eth::abi
