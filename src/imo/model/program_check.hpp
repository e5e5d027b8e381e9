/// Shows that a program can be run: shapes that fit, tables of the right length, and bounds that
/// no input can leave.
#pragma once

#include "imo/model/program.hpp"

namespace imo::model {

/// Structure only: counts, indices, shapes, shifts, multipliers. Cheap; after it a program runs
/// without a fault whatever its weights are.
Result<void> check_structure(const Program& program);

/// The largest |accumulator| that any int16 input can give: max over rows of 32767 L1 + |bias|.
/// Fails, naming tensor and row, on a weight of -128 or a sum beyond kAccumulatorMax.
Result<std::int64_t> check_accumulators(const WeightTensor& tensor);

/// Values of the tables: exp within [0, 2^20] with entry 0 at 2^20, sines within 2^14.
Result<void> check_tables(const Program& program);

/// All of it.
Result<void> check_program(const Program& program);

}  // namespace imo::model
