/// The Reed-Solomon code of the commitments, 16 columns at once.
#pragma once

#include "imo/base/large_vector.hpp"
#include "imo/zkml/field.hpp"
#include "imo/zkml/kernels.hpp"

#include <functional>
#include <span>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::zkml {

/// The point that row `row` of a codeword belongs to: prod_j w_(j+1)^(bit j of row). These are the
/// powers of the root of unity of order 2^m, in bit-reversed order, for every m with row < 2^m.
Fp code_point(std::uint32_t row);

/// Takes rows of a codeword, from row `first` on.
template <typename Element>
using TakeRows = std::function<void(std::size_t first, std::span<const Element> rows)>;

/// Encodes a matrix of 2^log_rows rows, 16 columns, row by row, of which the last ones may be
/// missing in `message` and are zero: column c of row q of the result is
/// sum_a message[16 a + c] X^a at X = code_point(q). The result has 2^log_inverse_rate times as
/// many rows; `take` is called with 2^log_rows of them at a time, in order, on this thread.
void encode_blocks(std::span<const Fp> message, unsigned log_rows, unsigned log_inverse_rate,
                   ThreadPool& pool, const TakeRows<Fp>& take,
                   const FieldKernels& kernels = field_kernels());
void encode_blocks(std::span<const Fp3> message, unsigned log_rows, unsigned log_inverse_rate,
                   ThreadPool& pool, const TakeRows<Fp3>& take,
                   const FieldKernels& kernels = field_kernels());

/// The whole code of `message.size() / 16` rows, a power of two (checked).
LargeVector<Fp> encode(std::span<const Fp> message, unsigned log_inverse_rate, ThreadPool& pool,
                       const FieldKernels& kernels = field_kernels());
LargeVector<Fp3> encode(std::span<const Fp3> message, unsigned log_inverse_rate, ThreadPool& pool,
                        const FieldKernels& kernels = field_kernels());

/// Some groups of 2^log_rows neighbouring rows of the code, 16 elements each, computed from the
/// message: for a prover that keeps no code. A group costs little more than one row of it. Rows of
/// the message may be missing at its end.
std::vector<Fp> code_groups(std::span<const Fp> message, std::span<const std::uint32_t> groups,
                            unsigned log_rows, ThreadPool& pool,
                            const FieldKernels& kernels = field_kernels());
std::vector<Fp3> code_groups(std::span<const Fp3> message, std::span<const std::uint32_t> groups,
                             unsigned log_rows, ThreadPool& pool,
                             const FieldKernels& kernels = field_kernels());

}  // namespace imo::zkml
