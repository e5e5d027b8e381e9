#include "imo/zkml/code.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"

#include <bit>

namespace imo::zkml {
namespace {

constexpr std::size_t kColumns = 16;

/// twiddles[k][j] = w_k^j for j < 2^(k-1), one run a level, so that each level reads in order.
using Twiddles = std::vector<std::vector<Fp>>;

Twiddles make_twiddles(unsigned log_size) {
  Twiddles twiddles(log_size + 1);
  for (unsigned k = 1; k <= log_size; ++k) {
    twiddles[k].resize(std::size_t{1} << (k - 1));
    const Fp root = Fp::root_of_unity(k);
    Fp power(1);
    for (Fp& twiddle : twiddles[k]) {
      twiddle = power;
      power *= root;
    }
  }
  return twiddles;
}

/// Decimation in frequency: values at the powers of w_k, in bit-reversed order, in place of
/// coefficients. Depth first, so that from some level down everything stays in the cache.
template <typename Element>
void transform(Element* rows, unsigned k, const Twiddles& twiddles) {
  if (k == 0) return;
  const std::size_t half = std::size_t{1} << (k - 1);
  for (std::size_t j = 0; j < half; ++j) {
    const Fp twiddle = twiddles[k][j];
    Element* low = rows + j * kColumns;
    Element* high = low + half * kColumns;
    for (std::size_t c = 0; c < kColumns; ++c) {
      const Element sum = low[c] + high[c];
      high[c] = (low[c] - high[c]) * twiddle;
      low[c] = sum;
    }
  }
  transform(rows, k - 1, twiddles);
  transform(rows + half * kColumns, k - 1, twiddles);
}

template <typename Element>
std::vector<Element> encode_rows(std::span<const Element> message, unsigned log_inverse_rate,
                                 ThreadPool& pool) {
  const std::size_t rows = message.size() / kColumns;
  IMO_CHECK(message.size() % kColumns == 0 && std::has_single_bit(rows),
            "a message has a power of two of rows");
  const auto log_rows = static_cast<unsigned>(std::countr_zero(rows));
  const Twiddles twiddles = make_twiddles(log_rows);
  std::vector<Element> code(message.size() << log_inverse_rate);
  // Block b of the code is the coset of the message's domain that code_point(b << log_rows) shifts.
  pool.parallel_for(std::size_t{1} << log_inverse_rate, [&](std::size_t block) {
    const Fp shift = code_point(static_cast<std::uint32_t>(block << log_rows));
    Element* target = code.data() + block * message.size();
    Fp power(1);
    for (std::size_t row = 0; row < rows; ++row, power *= shift) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        target[row * kColumns + c] = message[row * kColumns + c] * power;
      }
    }
    transform(target, log_rows, twiddles);
  });
  return code;
}

}  // namespace

Fp code_point(std::uint32_t row) {
  Fp point(1);
  for (unsigned j = 0; row != 0; ++j, row >>= 1) {
    if ((row & 1U) != 0) point *= Fp::root_of_unity(j + 1);
  }
  return point;
}

std::vector<Fp> encode(std::span<const Fp> message, unsigned log_inverse_rate, ThreadPool& pool) {
  return encode_rows(message, log_inverse_rate, pool);
}

std::vector<Fp3> encode(std::span<const Fp3> message, unsigned log_inverse_rate, ThreadPool& pool) {
  return encode_rows(message, log_inverse_rate, pool);
}

}  // namespace imo::zkml
