/// The keys and values of one sequence: all that a position needs to know of those before it.
#pragma once

#include "imo/engine/aligned.hpp"
#include "imo/engine/plan.hpp"

#include <cstdint>
#include <vector>

namespace imo::engine {

class Cache {
 public:
  /// Room for `capacity` positions.
  Cache(const Plan& plan, std::uint32_t capacity) : capacity_(capacity) {
    for (const Slot& slot : plan.slots) {
      slots_.emplace_back(slot.is_cache ? slot.stride() * capacity : 0);
    }
  }

  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }

  /// The rows of a slot that is_cache, slot.stride() elements from one position to the next.
  [[nodiscard]] std::int16_t* rows(std::uint32_t slot) { return slots_[slot].data(); }

 private:
  std::uint32_t capacity_;
  std::vector<AlignedVector<std::int16_t>> slots_;
};

}  // namespace imo::engine
