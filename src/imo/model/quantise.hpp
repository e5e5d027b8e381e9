/// Real numbers to the program's integers: matrices to int8 rows, ranges to exponents.
#pragma once

#include "imo/base/result.hpp"
#include "imo/model/operators.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::model {

/// The greatest f for which largest * 2^f stays under 2^(bits - headroom): a value may grow by
/// `headroom` bits over what was seen before it meets its clamp. Within [-40, 40].
int fraction_for(double largest, unsigned bits, unsigned headroom);

/// A matrix as integers: w[i][j] ~ weights[i * columns + j] * scales[i].
struct QuantisedMatrix {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::vector<std::int8_t> weights;
  std::vector<double> scales;  ///< 0 for a row of zeros
  double relative_error = 0;   ///< Euclidean, over the whole matrix
};

/// What a matrix is multiplied with, for choosing its rows' scales. Either may be empty.
struct Columns {
  std::span<const float> gains;  ///< multiply the matrix's columns first
  std::span<const double>
      power;  ///< how much an error in a column matters: its input's mean square
};

/// Row `index` of a matrix: as long as there are columns, in `scratch`, which has that room, or
/// elsewhere. Called from several threads at once.
using ReadRow =
    std::function<std::span<const float>(std::uint32_t index, std::span<float> scratch)>;

/// Rounds every row to [-127, 127] steps. The step is the greatest magnitude / levels, for the
/// number of levels from 112 to 127 that gives the least error, weighted by the columns' power:
/// where the few values of a row fall between steps is luck, and this tries it 31 times. The same
/// for any pool.
QuantisedMatrix quantise_rows(const ReadRow& read, std::uint32_t rows, std::uint32_t columns,
                              const Columns& about, ThreadPool* pool = nullptr);

/// Integer multipliers for real factors, over one shift: factors[i] ~ multipliers[i] * 2^-shift.
struct Multipliers {
  std::vector<std::uint32_t> values;
  std::uint8_t shift = 0;
};

/// The greatest factor gets `bits` significant bits. Fails, naming `what`, when the shift would
/// leave [1, 62].
Result<Multipliers> make_multipliers(std::span<const double> factors, unsigned bits,
                                     std::string_view what);

}  // namespace imo::model
