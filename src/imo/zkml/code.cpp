#include "imo/zkml/code.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"

#include <algorithm>
#include <bit>
#include <mutex>

namespace imo::zkml {
namespace {

constexpr std::size_t kColumns = 16;

/// Words of a row: a row over F is one of three times as many words of F_p, as twiddles are in F_p.
template <typename Element>
constexpr std::size_t kRowWords = kColumns * sizeof(Element) / sizeof(Fp);

/// out[i] = base^i, on every thread.
void fill_powers(std::span<Fp> out, Fp base, ThreadPool& pool) {
  pool.parallel_ranges(out.size(), [&](std::size_t begin, std::size_t end) {
    Fp power = base.pow(begin);
    for (std::size_t i = begin; i < end; ++i, power *= base) out[i] = power;
  });
}

/// twiddles[k][j] = w_k^j for j < 2^(k-1), one run a level, so that each level reads in order.
using Twiddles = std::vector<LargeVector<Fp>>;

Twiddles make_twiddles(unsigned log_size, ThreadPool& pool) {
  Twiddles twiddles(log_size + 1);
  for (unsigned k = 1; k <= log_size; ++k) {
    twiddles[k] = LargeVector<Fp>(std::size_t{1} << (k - 1));
    fill_powers(twiddles[k], Fp::root_of_unity(k), pool);
  }
  return twiddles;
}

/// Values at the powers of w_k, in bit-reversed order, in place of coefficients: decimation in
/// frequency.
class Transform {
 public:
  Transform(unsigned log_rows, std::size_t words, const FieldKernels& kernels, ThreadPool& pool)
      : log_rows_(log_rows),
        words_(words),
        kernels_(kernels),
        pool_(pool),
        twiddles_(make_twiddles(log_rows, pool)) {}

  /// The upper levels on all threads together, what is below them on one each.
  void run(std::uint64_t* rows) const {
    unsigned k = log_rows_;
    for (std::size_t parts = 1; k > 0 && parts < 4 * pool_.size(); --k, parts *= 2) {
      split_level(rows, k, parts);
    }
    const std::size_t size = words_ << k;
    pool_.parallel_for(std::size_t{1} << (log_rows_ - k),
                       [&](std::size_t part) { run_alone(rows + part * size, k); });
  }

 private:
  /// One level of all `parts` transforms of 2^k rows.
  void split_level(std::uint64_t* rows, unsigned k, std::size_t parts) const {
    const std::size_t half = std::size_t{1} << (k - 1);
    const std::uint64_t* twiddles = words_of(twiddles_[k].data());
    pool_.parallel_ranges(parts * half, [&](std::size_t begin, std::size_t end) {
      while (begin < end) {
        const std::size_t j = begin % half;
        const std::size_t count = std::min(half - j, end - begin);
        std::uint64_t* low = rows + (begin / half * 2 * half + j) * words_;
        kernels_.butterflies(low, low + half * words_, count, words_, twiddles + j);
        begin += count;
      }
    });
  }

  /// Depth first, so that from some level down everything stays in the cache.
  void run_alone(std::uint64_t* rows, unsigned k) const {
    if (k == 0) return;
    const std::size_t half = std::size_t{1} << (k - 1);
    kernels_.butterflies(rows, rows + half * words_, half, words_, words_of(twiddles_[k].data()));
    run_alone(rows, k - 1);
    run_alone(rows + half * words_, k - 1);
  }

  unsigned log_rows_;
  std::size_t words_;
  const FieldKernels& kernels_;
  ThreadPool& pool_;
  Twiddles twiddles_;
};

/// A code in blocks of as many rows as the message has: block b is the coset of the message's
/// domain that code_point(b << log_rows) shifts.
class Encoder {
 public:
  template <typename Element>
  Encoder(std::span<const Element> message, unsigned log_rows, const FieldKernels& kernels,
          ThreadPool& pool)
      : message_(words_of(message.data())),
        stored_(message.size() / kColumns),
        log_rows_(log_rows),
        words_(kRowWords<Element>),
        kernels_(kernels),
        pool_(pool),
        transform_(log_rows, words_, kernels, pool) {
    IMO_CHECK(message.size() % kColumns == 0 && stored_ <= std::size_t{1} << log_rows,
              "a message of whole rows, and no more than its code is made for");
  }

  void block(std::size_t index, std::uint64_t* rows) const {
    const Fp shift = code_point(static_cast<std::uint32_t>(index << log_rows_));
    pool_.parallel_ranges(std::size_t{1} << log_rows_, [&](std::size_t begin, std::size_t end) {
      Fp power = shift.pow(begin);
      for (std::size_t row = begin; row < std::min(stored_, end); ++row, power *= shift) {
        kernels_.scale(rows + row * words_, message_ + row * words_, words_, power.value());
      }
      if (end > stored_) {
        std::fill(rows + std::max(begin, stored_) * words_, rows + end * words_, 0);
      }
    });
    transform_.run(rows);
  }

 private:
  const std::uint64_t* message_;
  std::size_t stored_;
  unsigned log_rows_;
  std::size_t words_;
  const FieldKernels& kernels_;
  ThreadPool& pool_;
  Transform transform_;
};

template <typename Element>
void encode_in_blocks(std::span<const Element> message, unsigned log_rows,
                      unsigned log_inverse_rate, ThreadPool& pool, const TakeRows<Element>& take,
                      const FieldKernels& kernels) {
  const Encoder encoder(message, log_rows, kernels, pool);
  LargeVector<Element> block(kColumns << log_rows);
  for (std::size_t b = 0; b < std::size_t{1} << log_inverse_rate; ++b) {
    encoder.block(b, words_of(block.data()));
    take(b << log_rows, block);
  }
}

template <typename Element>
LargeVector<Element> encode_whole(std::span<const Element> message, unsigned log_inverse_rate,
                                  ThreadPool& pool, const FieldKernels& kernels) {
  const std::size_t rows = message.size() / kColumns;
  IMO_CHECK(message.size() % kColumns == 0 && std::has_single_bit(rows),
            "a message has a power of two of rows");
  const Encoder encoder(message, static_cast<unsigned>(std::countr_zero(rows)), kernels, pool);
  LargeVector<Element> code(message.size() << log_inverse_rate);
  for (std::size_t b = 0; b < std::size_t{1} << log_inverse_rate; ++b) {
    encoder.block(b, words_of(&code[b * message.size()]));
  }
  return code;
}

/// Rows of the message are taken in parts that stay in the cache for all points.
template <typename Element>
std::vector<Element> rows_of_code(std::span<const Element> message,
                                  std::span<const std::uint32_t> rows, ThreadPool& pool,
                                  const FieldKernels& kernels) {
  constexpr std::size_t kWords = kRowWords<Element>;
  constexpr std::size_t kPart = 256;
  const std::size_t stored = message.size() / kColumns;
  std::vector<Fp> points;
  std::vector<Fp> steps;   // from part to part
  std::vector<Fp> powers;  // kPart for each point
  for (const std::uint32_t row : rows) {
    points.push_back(code_point(row));
    Fp power(1);
    for (std::size_t i = 0; i < kPart; ++i, power *= points.back()) powers.push_back(power);
    steps.push_back(power);
  }
  std::vector<Element> values(rows.size() * kColumns);
  std::mutex adding;
  pool.parallel_ranges((stored + kPart - 1) / kPart, [&](std::size_t begin, std::size_t end) {
    std::vector<Fp> sums(rows.size() * kWords);
    std::vector<Fp> heads;
    for (const Fp step : steps) heads.push_back(step.pow(begin));
    for (std::size_t part = begin; part < end; ++part) {
      const std::size_t first = part * kPart;
      const std::uint64_t* place = words_of(message.data()) + first * kWords;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        std::array<Fp, kWords> inner{};
        kernels.add_rows(place, std::min(kPart, stored - first), kWords,
                         words_of(&powers[i * kPart]), words_of(inner.data()));
        for (std::size_t w = 0; w < kWords; ++w) sums[i * kWords + w] += heads[i] * inner[w];
        heads[i] *= steps[i];
      }
    }
    const std::lock_guard lock(adding);
    Fp* all = reinterpret_cast<Fp*>(values.data());
    for (std::size_t i = 0; i < sums.size(); ++i) all[i] += sums[i];
  });
  return values;
}

}  // namespace

Fp code_point(std::uint32_t row) {
  Fp point(1);
  for (unsigned j = 0; row != 0; ++j, row >>= 1) {
    if ((row & 1U) != 0) point *= Fp::root_of_unity(j + 1);
  }
  return point;
}

void encode_blocks(std::span<const Fp> message, unsigned log_rows, unsigned log_inverse_rate,
                   ThreadPool& pool, const TakeRows<Fp>& take, const FieldKernels& kernels) {
  encode_in_blocks(message, log_rows, log_inverse_rate, pool, take, kernels);
}

void encode_blocks(std::span<const Fp3> message, unsigned log_rows, unsigned log_inverse_rate,
                   ThreadPool& pool, const TakeRows<Fp3>& take, const FieldKernels& kernels) {
  encode_in_blocks(message, log_rows, log_inverse_rate, pool, take, kernels);
}

LargeVector<Fp> encode(std::span<const Fp> message, unsigned log_inverse_rate, ThreadPool& pool,
                       const FieldKernels& kernels) {
  return encode_whole(message, log_inverse_rate, pool, kernels);
}

LargeVector<Fp3> encode(std::span<const Fp3> message, unsigned log_inverse_rate, ThreadPool& pool,
                        const FieldKernels& kernels) {
  return encode_whole(message, log_inverse_rate, pool, kernels);
}

std::vector<Fp> code_rows(std::span<const Fp> message, std::span<const std::uint32_t> rows,
                          ThreadPool& pool, const FieldKernels& kernels) {
  return rows_of_code(message, rows, pool, kernels);
}

std::vector<Fp3> code_rows(std::span<const Fp3> message, std::span<const std::uint32_t> rows,
                           ThreadPool& pool, const FieldKernels& kernels) {
  return rows_of_code(message, rows, pool, kernels);
}

}  // namespace imo::zkml
