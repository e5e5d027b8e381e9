#include "imo/zkml/code.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/code_avx2.hpp"

#include <bit>

namespace imo::zkml {
namespace {

constexpr std::size_t kColumns = 16;

// A row over F is a row of three times as many words of F_p: twiddles are in F_p.
static_assert(sizeof(Fp) == sizeof(std::uint64_t) && sizeof(Fp3) == 3 * sizeof(Fp));

std::uint64_t* words_of(Fp* elements) {
  return reinterpret_cast<std::uint64_t*>(elements);
}
const std::uint64_t* words_of(const Fp* elements) {
  return reinterpret_cast<const std::uint64_t*>(elements);
}

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

void butterflies(Fp* rows, std::size_t half, std::size_t words, const Fp* twiddles) {
  for (std::size_t j = 0; j < half; ++j) {
    Fp* low = rows + j * words;
    Fp* high = low + half * words;
    for (std::size_t i = 0; i < words; ++i) {
      const Fp sum = low[i] + high[i];
      high[i] = (low[i] - high[i]) * twiddles[j];
      low[i] = sum;
    }
  }
}

void scale(Fp* target, const Fp* source, std::size_t words, Fp factor) {
  for (std::size_t i = 0; i < words; ++i) target[i] = source[i] * factor;
}

struct Transform {
  std::size_t words;  ///< a row
  CodeKernel kernel;
  Twiddles twiddles;

  /// Decimation in frequency: values at the powers of w_k, in bit-reversed order, in place of
  /// coefficients. Depth first, so that from some level down everything stays in the cache.
  void run(Fp* rows, unsigned k) const {
    if (k == 0) return;
    const std::size_t half = std::size_t{1} << (k - 1);
    const Fp* level = twiddles[k].data();
    if (kernel == CodeKernel::kAvx2) {
      butterflies_avx2(words_of(rows), half, words, words_of(level));
    } else {
      butterflies(rows, half, words, level);
    }
    run(rows, k - 1);
    run(rows + half * words, k - 1);
  }

  void scale_row(Fp* target, const Fp* source, Fp factor) const {
    if (kernel == CodeKernel::kAvx2) {
      scale_avx2(words_of(target), words_of(source), words, factor.value());
    } else {
      scale(target, source, words, factor);
    }
  }
};

/// `code` has 2^log_inverse_rate times as many elements as `message`.
void encode_rows(const Fp* message, Fp* code, unsigned log_rows, unsigned log_inverse_rate,
                 const Transform& transform, ThreadPool& pool) {
  const std::size_t rows = std::size_t{1} << log_rows;
  const std::size_t words = transform.words;
  // Block b of the code is the coset of the message's domain that code_point(b << log_rows) shifts.
  pool.parallel_for(std::size_t{1} << log_inverse_rate, [&](std::size_t block) {
    const Fp shift = code_point(static_cast<std::uint32_t>(block << log_rows));
    Fp* target = code + block * rows * words;
    Fp power(1);
    for (std::size_t row = 0; row < rows; ++row, power *= shift) {
      transform.scale_row(target + row * words, message + row * words, power);
    }
    transform.run(target, log_rows);
  });
}

unsigned log_rows_of(std::size_t size) {
  IMO_CHECK(size % kColumns == 0 && std::has_single_bit(size / kColumns),
            "a message has a power of two of rows");
  return static_cast<unsigned>(std::countr_zero(size / kColumns));
}

}  // namespace

CodeKernel best_code_kernel() {
  static const bool kAvx2 = __builtin_cpu_supports("avx2") != 0;
  return kAvx2 ? CodeKernel::kAvx2 : CodeKernel::kScalar;
}

Fp code_point(std::uint32_t row) {
  Fp point(1);
  for (unsigned j = 0; row != 0; ++j, row >>= 1) {
    if ((row & 1U) != 0) point *= Fp::root_of_unity(j + 1);
  }
  return point;
}

LargeVector<Fp> encode(std::span<const Fp> message, unsigned log_inverse_rate, ThreadPool& pool,
                       CodeKernel kernel) {
  const unsigned log_rows = log_rows_of(message.size());
  LargeVector<Fp> code(message.size() << log_inverse_rate);
  encode_rows(message.data(), code.data(), log_rows, log_inverse_rate,
              {kColumns, kernel, make_twiddles(log_rows)}, pool);
  return code;
}

LargeVector<Fp3> encode(std::span<const Fp3> message, unsigned log_inverse_rate, ThreadPool& pool,
                        CodeKernel kernel) {
  const unsigned log_rows = log_rows_of(message.size());
  LargeVector<Fp3> code(message.size() << log_inverse_rate);
  encode_rows(reinterpret_cast<const Fp*>(message.data()), reinterpret_cast<Fp*>(code.data()),
              log_rows, log_inverse_rate, {3 * kColumns, kernel, make_twiddles(log_rows)}, pool);
  return code;
}

}  // namespace imo::zkml
