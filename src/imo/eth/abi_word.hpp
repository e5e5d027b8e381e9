/// The values that fit one word of 32 bytes: shared by the encoder and the decoder of the ABI.
#pragma once

#include "imo/eth/abi.hpp"

namespace imo::eth::abi {

inline constexpr std::size_t kWord = 32;

/// Up to the next multiple of a word. `length` is far below 2^64: it fits memory.
inline std::size_t padded(std::size_t length) {
  return (length + kWord - 1) / kWord * kWord;
}

/// `number` is a value of the integer, boolean or address type; says what is wrong otherwise.
Result<void> check_number(const Type& type, const U256& number);

/// How messages name member `index` of a tuple or array.
std::string place_of(const Type& member, std::size_t index);

}  // namespace imo::eth::abi
