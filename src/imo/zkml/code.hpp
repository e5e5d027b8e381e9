/// The Reed-Solomon code of the commitments, 16 columns at once.
#pragma once

#include "imo/base/large_vector.hpp"
#include "imo/zkml/field.hpp"

#include <span>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::zkml {

/// How the inner loops are computed; the results are the same, bit for bit.
enum class CodeKernel {
  kScalar,
  kAvx2,
};

/// The fastest that this machine has.
CodeKernel best_code_kernel();

/// The point that row `row` of a codeword belongs to: prod_j w_(j+1)^(bit j of row). These are the
/// powers of the root of unity of order 2^m, in bit-reversed order, for every m with row < 2^m.
Fp code_point(std::uint32_t row);

/// Encodes a matrix of `message.size() / 16` rows (a power of two, checked), 16 columns, row by
/// row: column c of row q of the result is sum_a message[16 a + c] X^a at X = code_point(q). The
/// result has 2^log_inverse_rate times as many rows. `kernel` must be one that the machine has.
LargeVector<Fp> encode(std::span<const Fp> message, unsigned log_inverse_rate, ThreadPool& pool,
                       CodeKernel kernel = best_code_kernel());
LargeVector<Fp3> encode(std::span<const Fp3> message, unsigned log_inverse_rate, ThreadPool& pool,
                        CodeKernel kernel = best_code_kernel());

}  // namespace imo::zkml
