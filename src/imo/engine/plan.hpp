/// Where each operator's output lives while a program runs.
#pragma once

#include "imo/model/program.hpp"

#include <cstdint>
#include <vector>

namespace imo::engine {

/// One buffer, used by operators of one type whose outputs are never needed at the same time.
struct Slot {
  model::ElementType type = model::ElementType::kInt16;
  std::uint64_t width = 0;  ///< elements of the widest row
  bool is_per_key = false;  ///< width is per key: a row has width * positions elements
  bool is_cache = false;    ///< holds all positions of one operator, one buffer a sequence

  /// Elements from one row to the next: whole cache lines, whatever the type.
  [[nodiscard]] std::size_t stride() const { return (width + 31) / 32 * 32; }
};

/// Made once per program and shared by its sessions.
struct Plan {
  std::vector<Slot> slots;
  std::vector<std::uint32_t> slot_of;  ///< per operator

  /// The program has passed check_structure.
  static Plan make(const model::Program& program);
};

}  // namespace imo::engine
