/// Random types and values of the ABI, for the property and differential tests.
#pragma once

#include "imo/base/hex.hpp"
#include "imo/eth/abi.hpp"

#include <random>
#include <string>

namespace imo::eth::abi {

class RandomAbi {
 public:
  explicit RandomAbi(std::uint64_t seed) : random_(seed) {}

  /// A tuple, as text, of 1 to 4 members.
  std::string tuple(int depth = 3) {
    std::string text = "(";
    const std::uint64_t count = 1 + below(4);
    for (std::uint64_t i = 0; i < count; ++i) text += (i > 0 ? "," : "") + type(depth - 1);
    return text + ")";
  }

  Value value(const Type& type) {
    switch (type.kind()) {
      case Type::Kind::kUint:
        return Value(number(type.size()));
      case Type::Kind::kInt:
        return Value(below(2) == 0 ? number(type.size() - 1) : U256() - number(type.size() - 1));
      case Type::Kind::kBool:
        return Value(U256(below(2)));
      case Type::Kind::kAddress:
        return Value(number(160));
      case Type::Kind::kFixedBytes:
        return Value(bytes(type.size()));
      case Type::Kind::kBytes:
        return Value(bytes(below(80)));
      case Type::Kind::kString:
        return Value(letters(below(80)));
      case Type::Kind::kArray:
        return list(std::vector<Type>(below(4), type.element()));
      case Type::Kind::kFixedArray:
        return list(std::vector<Type>(type.size(), type.element()));
      case Type::Kind::kTuple:
        break;
    }
    return list(type.members());
  }

  Bytes bytes(std::size_t size) {
    Bytes out(size);
    for (auto& byte : out) byte = static_cast<std::uint8_t>(random_());
    return out;
  }

  /// Of at most `bits`; short ones are as likely as long ones.
  U256 number(std::size_t bits) {
    const U256 wide({random_(), random_(), random_(), random_()});
    const auto keep = static_cast<unsigned>(below(bits + 1));
    return keep == 0 ? U256() : wide >> (256 - keep);
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  std::string type(int depth) {
    const std::uint64_t choice = below(depth > 0 ? 11 : 8);
    switch (choice) {
      case 0:
      case 1:
        return "uint" + std::to_string(8 * (1 + below(32)));
      case 2:
        return "int" + std::to_string(8 * (1 + below(32)));
      case 3:
        return "bool";
      case 4:
        return "address";
      case 5:
        return "bytes" + std::to_string(1 + below(32));
      case 6:
        return "bytes";
      case 7:
        return "string";
      case 8:
        return type(depth - 1) + "[]";
      case 9:
        return type(depth - 1) + "[" + std::to_string(1 + below(3)) + "]";
      default:
        return tuple(depth);
    }
  }

  Value list(const std::vector<Type>& types) {
    Value::List values;
    for (const Type& member : types) values.push_back(value(member));
    return Value(std::move(values));
  }

  Bytes letters(std::size_t size) {
    Bytes out(size);
    for (auto& letter : out) letter = static_cast<std::uint8_t>('a' + below(26));
    return out;
  }

  std::mt19937_64 random_;
};

}  // namespace imo::eth::abi
