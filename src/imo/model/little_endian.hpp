/// Little-endian numbers at any address, as GGUF stores them.
#pragma once

#include <cstdint>

namespace imo::model {

inline std::uint16_t load_u16(const std::uint8_t* p) {
  return static_cast<std::uint16_t>(p[0] | (p[1] << 8));
}

inline std::uint32_t load_u32(const std::uint8_t* p) {
  return std::uint32_t{load_u16(p)} | (std::uint32_t{load_u16(p + 2)} << 16);
}

inline std::uint64_t load_u64(const std::uint8_t* p) {
  return std::uint64_t{load_u32(p)} | (std::uint64_t{load_u32(p + 4)} << 32);
}

}  // namespace imo::model
