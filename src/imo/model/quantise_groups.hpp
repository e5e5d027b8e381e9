/// Real numbers to rows of grouped weights: four bits each, an integer scale for 32 of them.
#pragma once

#include "imo/model/quantise.hpp"
#include "imo/model/source_tensor.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace imo::model {

/// A matrix of grouped weights: w[i][j] ~ grouped_weight(...) * row_scales[i].
struct GroupedMatrix {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::vector<std::uint8_t> bits;
  std::vector<std::int8_t> scales;
  std::vector<std::int16_t> offsets;  ///< empty when all are zero
  std::vector<double> row_scales;     ///< 0 for a row of zeros
  double relative_error = 0;          ///< Euclidean, over the whole matrix
};

/// Rounds every row to groups. The scale of a group is the one of some that gives the least error,
/// weighted by `power`, which is empty or one a column. `columns` is a multiple of kGroupColumns.
/// The same for any pool.
GroupedMatrix quantise_groups(const ReadRow& read, std::uint32_t rows, std::uint32_t columns,
                              std::span<const double> power, ThreadPool* pool = nullptr);

/// Takes the groups of a tensor whose type has_groups() as they are: the bits are the file's, and
/// nothing is rounded but scales and offsets, to integer multiples of the row's scale.
GroupedMatrix import_groups(const SourceTensor& source, ThreadPool* pool = nullptr);

}  // namespace imo::model
