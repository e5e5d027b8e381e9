/// The loops over rows, pieces of them and inputs that kernels of grouped weights share.
#pragma once

#include "imo/engine/kernels.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace imo::engine {

/// `Kernel` lives in one file alone, so that nothing of this is shared by files of different
/// instructions. It has
///
/// - kPiece, a multiple of a group: how many columns may be added in 32 bits; kRows, kInputs: a
/// tile;
/// - row<kHasOffsets>(weights, index, x, count): the sum over `count` columns from group `index`
/// on;
/// - lay_down<kHasOffsets>(weights, index, to): writes the weights of a group, at 64 bytes;
/// - tile<R, T>(w, x, stride, count, sums, rows): adds the products of R rows that are laid down
/// and
///   T inputs to sums[t * rows + r].
template <typename Kernel>
class GroupedLoops {
 public:
  static void products(const GroupedRows& w, const InputRows& x, std::int64_t* sums) {
    w.weights.offsets.empty() ? products_of<false>(w, x, sums) : products_of<true>(w, x, sums);
  }

 private:
  static constexpr std::size_t kPiece = Kernel::kPiece;
  static constexpr std::size_t kRows = Kernel::kRows;
  static constexpr std::size_t kGroup = model::kGroupColumns;
  using Row = std::int16_t[kPiece];

  template <bool kHasOffsets>
  static void products_of(const GroupedRows& w, const InputRows& x, std::int64_t* sums) {
    x.count == 1 ? one_input<kHasOffsets>(w, x.values, sums) : many_inputs<kHasOffsets>(w, x, sums);
  }

  // Decoding a single sequence: every weight is used once, from where it was made.
  template <bool kHasOffsets>
  static void one_input(const GroupedRows& w, const std::int16_t* x, std::int64_t* sums) {
    const std::size_t groups = w.columns / kGroup;
    for (std::size_t r = 0; r < w.rows; ++r) {
      std::int64_t sum = 0;
      for (std::size_t first = 0; first < w.columns; first += kPiece) {
        sum += Kernel::template row<kHasOffsets>(w.weights, r * groups + first / kGroup, x + first,
                                                 std::min(kPiece, w.columns - first));
      }
      sums[r] = sum;
    }
  }

  // Some rows at a time are laid down in the first cache, and read by all inputs.
  template <bool kHasOffsets>
  static void many_inputs(const GroupedRows& w, const InputRows& x, std::int64_t* sums) {
    const std::size_t groups = w.columns / kGroup;
    std::fill_n(sums, w.rows * x.count, 0);
    alignas(64) Row laid[kRows];
    for (std::size_t r = 0; r < w.rows; r += kRows) {
      const std::size_t rows = std::min(kRows, w.rows - r);
      for (std::size_t first = 0; first < w.columns; first += kPiece) {
        const std::size_t count = std::min(kPiece, w.columns - first);
        for (std::size_t i = 0; i < rows; ++i) {
          const std::size_t index = (r + i) * groups + first / kGroup;
          for (std::size_t j = 0; j < count; j += kGroup) {
            Kernel::template lay_down<kHasOffsets>(w.weights, index + j / kGroup, &laid[i][j]);
          }
        }
        if (rows == kRows) {
          inputs<kRows>(laid, x, first, count, sums + r, w.rows);
          continue;
        }
        for (std::size_t i = 0; i < rows; ++i) {
          inputs<1>(laid + i, x, first, count, sums + r + i, w.rows);
        }
      }
    }
  }

  template <std::size_t R>
  static void inputs(const Row* w, const InputRows& x, std::size_t first, std::size_t count,
                     std::int64_t* sums, std::size_t rows) {
    const std::int16_t* from = x.values + first;
    std::size_t t = 0;
    for (; t + Kernel::kInputs <= x.count; t += Kernel::kInputs) {
      Kernel::template tile<R, Kernel::kInputs>(w, from + t * x.stride, x.stride, count,
                                                sums + t * rows, rows);
    }
    for (; t < x.count; ++t) {
      Kernel::template tile<R, 1>(w, from + t * x.stride, x.stride, count, sums + t * rows, rows);
    }
  }
};

}  // namespace imo::engine
