/// The inner loops of the prover, in several versions. Internal to zkml.
///
/// Each computes exactly what the definitions below give, in canonical form, whatever the machine.
/// An element of F_p is a word, an element of F three words that follow each other. This header is
/// compiled for several machines, so it has no inline functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imo::zkml {

/// One version of every loop. Targets overlap no source, but where they are the same place.
struct FieldKernels {
  const char* name;

  /// For j < count, i < words: (low, high)[j][i] = (low + high, (low - high) * twiddles[j]); rows
  /// of `words` words, a multiple of 16.
  void (*butterflies)(std::uint64_t* low, std::uint64_t* high, std::size_t count, std::size_t words,
                      const std::uint64_t* twiddles);
  /// target[i] = factor * source[i]; `words` is a multiple of 16.
  void (*scale)(std::uint64_t* target, const std::uint64_t* source, std::size_t words,
                std::uint64_t factor);
  /// sums[i] += sum over rows of factors[row] * rows[row][i], i < words, a multiple of 16.
  void (*add_rows)(const std::uint64_t* rows, std::size_t count, std::size_t words,
                   const std::uint64_t* factors, std::uint64_t* sums);
  /// The same of rows of 16 words with factors and sums in F.
  void (*add_rows_extended)(const std::uint64_t* rows, std::size_t count,
                            const std::uint64_t* factors, std::uint64_t* sums);
  /// out[row] = sum over c of weights[c] * rows[row][c]: rows of 16 words, weights and out in F.
  void (*fold_rows)(const std::uint64_t* rows, std::size_t count, const std::uint64_t* weights,
                    std::uint64_t* out);
  /// target[b] += sum over j of heads[j] * tables[j][b], b < count: target and heads in F; from one
  /// table to the next there are `stride` words.
  void (*add_tables)(std::uint64_t* target, std::size_t count, const std::uint64_t* heads,
                     const std::uint64_t* tables, std::size_t stride, std::size_t tables_count);
  /// target[b] += factor * table[b] in F.
  void (*add_scaled)(std::uint64_t* target, const std::uint64_t* table, std::size_t count,
                     const std::uint64_t* factor);
  /// sum += sum over b of table[b] * values[b], table in F and values in F_p.
  void (*dot)(const std::uint64_t* values, const std::uint64_t* table, std::size_t count,
              std::uint64_t* sum);
  /// sums[0] += w[2i] f[2i], sums[1] += (w[2i + 1] - w[2i]) (f[2i + 1] - f[2i]), i < count, in F.
  void (*pair_products)(const std::uint64_t* f, const std::uint64_t* w, std::size_t count,
                        std::uint64_t* sums);
  /// out[i] = in[2i] + r (in[2i + 1] - in[2i]), i < count, in F; `out` may be `in`.
  void (*fold_pairs)(const std::uint64_t* in, std::size_t count, const std::uint64_t* r,
                     std::uint64_t* out);
  /// low[i] += r (high[i] - low[i]), i < count, in F.
  void (*fold_halves)(std::uint64_t* low, const std::uint64_t* high, std::size_t count,
                      const std::uint64_t* r);
  /// sums[k] += sum over i < count of the product over f < factors of low[f][i] + k (high[f][i] -
  /// low[f][i]), for k = 0 .. factors; at most 4 factors; in F.
  void (*line_products)(const std::uint64_t* const* low, const std::uint64_t* const* high,
                        std::size_t factors, std::size_t count, std::uint64_t* sums);
  /// Fractions p/q added in pairs: p_out[i] = p[2i] q[2i + 1] + p[2i + 1] q[2i], q_out[i] =
  /// q[2i] q[2i + 1], i < count, in F.
  void (*add_fractions)(const std::uint64_t* p, const std::uint64_t* q, std::size_t count,
                        std::uint64_t* p_out, std::uint64_t* q_out);
  /// With (pL, pR, qL, qR) at 4i and 4i + 1 of p and q, as lines through those at 4i + 2 and 4i +
  /// 3: sums[0], sums[1] += weights[i] times the coefficients of X and X^2 in pL qR + pR qL +
  /// lambda qL qR, i < count, in F.
  void (*fraction_lines)(const std::uint64_t* p, const std::uint64_t* q,
                         const std::uint64_t* weights, std::size_t count,
                         const std::uint64_t* lambda, std::uint64_t* sums);
  /// out[2i + s] = in[4i + s] + r (in[4i + 2 + s] - in[4i + s]), s = 0, 1, i < count, in F.
  void (*fold_fours)(const std::uint64_t* in, std::size_t count, const std::uint64_t* r,
                     std::uint64_t* out);
};

const FieldKernels& scalar_field_kernels();
#ifdef IMO_HAVE_X86_FIELD_KERNELS
/// Call only on a machine with AVX2.
const FieldKernels& avx2_field_kernels();
/// Call only on a machine with AVX-512F and AVX-512IFMA.
const FieldKernels& avx512_field_kernels();
#endif

}  // namespace imo::zkml
