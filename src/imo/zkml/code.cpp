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

/// Rows of a group lie at one x times the roots of unity of order 2^log_rows: so with the message's
/// rows told apart by their number mod 2^log_rows, each kind is summed over powers of the same
/// x^(2^log_rows), and what tells the group's rows apart comes after that.
class Groups {
 public:
  Groups(std::span<const std::uint32_t> groups, unsigned log_rows, std::size_t row_words,
         const FieldKernels& kernels)
      : groups_(groups),
        log_rows_(log_rows),
        row_words_(row_words),
        words_(row_words << log_rows),
        kernels_(kernels) {
    for (const std::uint32_t group : groups) {
      const Fp point = code_point(group << log_rows).pow(std::uint64_t{1} << log_rows);
      Fp power(1);
      for (std::size_t i = 0; i < kPart; ++i, power *= point) powers_.push_back(power);
      steps_.push_back(power);
    }
  }

  /// `words` are those of the message's rows; gives those of all groups' rows.
  [[nodiscard]] std::vector<Fp> rows(std::span<const Fp> words, ThreadPool& pool) const {
    const std::size_t whole = words.size() / words_;
    // What is behind the last whole run of rows, with zeros behind it.
    std::vector<Fp> last(words_);
    std::ranges::copy(words.subspan(whole * words_), last.begin());
    std::vector<Fp> sums(groups_.size() * words_);
    std::mutex adding;
    pool.parallel_ranges(whole / kPart + 1, [&](std::size_t begin, std::size_t end) {
      std::vector<Fp> own(sums.size());
      std::vector<Fp> heads;
      for (const Fp step : steps_) heads.push_back(step.pow(begin));
      for (std::size_t part = begin; part < end; ++part) {
        const std::size_t first = part * kPart;
        const std::size_t count = std::min(kPart, whole - first);
        add(words.subspan(first * words_), count, heads, own);
        if (count < kPart) add_last(last, count, heads, own);
        for (std::size_t i = 0; i < heads.size(); ++i) heads[i] *= steps_[i];
      }
      const std::lock_guard lock(adding);
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += own[i];
    });
    return told_apart(sums);
  }

 private:
  /// Runs of 2^log_rows rows taken at once, so that they stay in the cache for all groups.
  static constexpr std::size_t kPart = 32;

  void add(std::span<const Fp> from, std::size_t count, std::span<const Fp> heads,
           std::span<Fp> sums) const {
    std::vector<Fp> inner(words_);
    for (std::size_t i = 0; i < heads.size(); ++i) {
      std::ranges::fill(inner, Fp());
      kernels_.add_rows(words_of(from.data()), count, words_, words_of(&powers_[i * kPart]),
                        words_of(inner.data()));
      for (std::size_t w = 0; w < words_; ++w) sums[i * words_ + w] += heads[i] * inner[w];
    }
  }

  void add_last(std::span<const Fp> last, std::size_t count, std::span<const Fp> heads,
                std::span<Fp> sums) const {
    for (std::size_t i = 0; i < heads.size(); ++i) {
      const Fp factor = heads[i] * powers_[i * kPart + count];
      for (std::size_t w = 0; w < words_; ++w) sums[i * words_ + w] += factor * last[w];
    }
  }

  [[nodiscard]] std::vector<Fp> told_apart(std::span<const Fp> sums) const {
    std::vector<Fp> rows(sums.size());
    const std::size_t count = std::size_t{1} << log_rows_;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      for (std::size_t row = 0; row < count; ++row) {
        const Fp x = code_point(groups_[i] << log_rows_ | static_cast<std::uint32_t>(row));
        Fp* const out = &rows[i * words_ + row * row_words_];
        for (std::size_t kind = count; kind > 0; --kind) {
          const Fp* const of_kind = &sums[i * words_ + (kind - 1) * row_words_];
          for (std::size_t w = 0; w < row_words_; ++w) out[w] = out[w] * x + of_kind[w];
        }
      }
    }
    return rows;
  }

  std::span<const std::uint32_t> groups_;
  unsigned log_rows_;
  std::size_t row_words_;
  std::size_t words_;  ///< of a run of 2^log_rows rows
  const FieldKernels& kernels_;
  std::vector<Fp> powers_;  ///< kPart for each group
  std::vector<Fp> steps_;   ///< from part to part
};

template <typename Element>
std::vector<Element> groups_of_code(std::span<const Element> message,
                                    std::span<const std::uint32_t> groups, unsigned log_rows,
                                    ThreadPool& pool, const FieldKernels& kernels) {
  const Groups all(groups, log_rows, kRowWords<Element>, kernels);
  constexpr std::size_t kWords = sizeof(Element) / sizeof(Fp);
  const std::vector<Fp> words =
      all.rows({reinterpret_cast<const Fp*>(message.data()), message.size() * kWords}, pool);
  const auto* const elements = reinterpret_cast<const Element*>(words.data());
  return {elements, elements + words.size() / kWords};
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

std::vector<Fp> code_groups(std::span<const Fp> message, std::span<const std::uint32_t> groups,
                            unsigned log_rows, ThreadPool& pool, const FieldKernels& kernels) {
  return groups_of_code(message, groups, log_rows, pool, kernels);
}

std::vector<Fp3> code_groups(std::span<const Fp3> message, std::span<const std::uint32_t> groups,
                             unsigned log_rows, ThreadPool& pool, const FieldKernels& kernels) {
  return groups_of_code(message, groups, log_rows, pool, kernels);
}

}  // namespace imo::zkml
