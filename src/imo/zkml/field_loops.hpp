/// The loops of field_kernels.hpp over any number of lanes. Internal to zkml.
///
/// Compiled for several machines, so everything here has internal linkage and includes nothing that
/// the linker could share. A `Lanes` type has kLanes words in a Value, and
///
///   load, store, every(word)    from and to kLanes words; the same word in every lane
///   strided(place, stride)      words from every stride-th place
///   unzip(a, b, even, odd)      of the 2 kLanes words a, b those at even and odd places
///   zip(even, odd, a, b)        the way back
///   load3, store3               kLanes elements of F, one word of each in each of three values
///   add, sub, mul               mod p, canonical
///   Split, split(value)         what a factor of multiply_add is
///   Sum, multiply_add, value    sums of at most kMostProducts products, reduced once
#pragma once

#include "imo/zkml/field_kernels.hpp"

namespace imo::zkml {
namespace {  // NOLINT(google-build-namespaces): see above

using Word = std::uint64_t;

constexpr Word kModulusWord = 0xffff'ffff'0000'0001;
constexpr Word kEpsilonWord = 0xffff'ffff;

/// Products that every Sum can take before it is reduced.
constexpr std::size_t kMostProducts = 1024;
/// As many elements of F, of which a product takes three to a sum.
constexpr std::size_t kMostExtended = kMostProducts / 4;

/// One lane: the definition of all others, and what is left over at a loop's end.
struct OneLane {
  static constexpr std::size_t kLanes = 1;
  using Value = Word;
  using Split = Word;
  __extension__ using Wide = unsigned __int128;
  struct Sum {
    Wide sum = 0;
    Word carries = 0;
  };

  static Value load(const Word* place) { return *place; }
  static void store(Word* place, Value value) { *place = value; }
  static Value every(Word word) { return word; }
  static Value strided(const Word* place, std::size_t /*stride*/) { return *place; }
  static void unzip(Value a, Value b, Value& even, Value& odd) {
    even = a;
    odd = b;
  }
  static void zip(Value even, Value odd, Value& a, Value& b) {
    a = even;
    b = odd;
  }
  static void load3(const Word* place, Value* out) {
    for (int k = 0; k < 3; ++k) out[k] = place[k];
  }
  static void store3(Word* place, const Value* in) {
    for (int k = 0; k < 3; ++k) place[k] = in[k];
  }
  /// All ones or zero, hidden from the compiler, which would branch on it.
  static Word mask(bool condition) {
    Word bits = Word{0} - static_cast<Word>(condition);
    __asm__("" : "+r"(bits));
    return bits;
  }
  static Value sub(Value a, Value b) { return a - b + (kModulusWord & mask(a < b)); }
  static Value add(Value a, Value b) { return sub(a, kModulusWord - b); }
  /// See Fp::reduce in field.hpp.
  static Value reduce(Wide x) {
    const Word low = static_cast<Word>(x);
    const Word high = static_cast<Word>(x >> 64);
    const Word top = high >> 32;
    const Word middle = (high & kEpsilonWord) * kEpsilonWord;
    const Word difference = low - top - (kEpsilonWord & mask(low < top));
    const Word sum = difference + middle;
    const Word result = sum + (kEpsilonWord & mask(sum < middle));
    return result - (kModulusWord & mask(result >= kModulusWord));
  }
  static Value mul(Value a, Value b) { return reduce(static_cast<Wide>(a) * b); }
  static Split split(Value a) { return a; }
  static void multiply_add(Sum& sum, Split a, Split b) {
    const Wide product = static_cast<Wide>(a) * b;
    sum.sum += product;
    sum.carries += static_cast<Word>(sum.sum < product);
  }
  /// 2^128 = -2^32 mod p.
  static Value value(const Sum& sum) { return sub(reduce(sum.sum), sum.carries << 32); }
};

/// Elements of F in lanes.
template <typename Lanes>
struct Extended {
  typename Lanes::Value c[3];
};

template <typename Lanes>
inline Extended<Lanes> load_extended(const Word* place) {
  Extended<Lanes> a;
  Lanes::load3(place, a.c);
  return a;
}

/// The same element in every lane.
template <typename Lanes>
inline Extended<Lanes> every_extended(const Word* element) {
  return {{Lanes::every(element[0]), Lanes::every(element[1]), Lanes::every(element[2])}};
}

template <typename Lanes>
inline Extended<Lanes> operator+(const Extended<Lanes>& a, const Extended<Lanes>& b) {
  return {{Lanes::add(a.c[0], b.c[0]), Lanes::add(a.c[1], b.c[1]), Lanes::add(a.c[2], b.c[2])}};
}

template <typename Lanes>
inline Extended<Lanes> operator-(const Extended<Lanes>& a, const Extended<Lanes>& b) {
  return {{Lanes::sub(a.c[0], b.c[0]), Lanes::sub(a.c[1], b.c[1]), Lanes::sub(a.c[2], b.c[2])}};
}

/// A factor of many products: its words, and twice the upper two, which X^3 = 2 brings down.
template <typename Lanes>
struct Factor {
  explicit Factor(const Extended<Lanes>& a)
      : c{Lanes::split(a.c[0]), Lanes::split(a.c[1]), Lanes::split(a.c[2])},
        twice1(Lanes::split(Lanes::add(a.c[1], a.c[1]))),
        twice2(Lanes::split(Lanes::add(a.c[2], a.c[2]))) {}

  typename Lanes::Split c[3];
  typename Lanes::Split twice1;
  typename Lanes::Split twice2;
};

template <typename Lanes>
struct ExtendedSum {
  typename Lanes::Sum c[3];
};

/// sum += a * b; at most kMostExtended of them.
template <typename Lanes>
inline void multiply_add(ExtendedSum<Lanes>& sum, const Extended<Lanes>& a,
                         const Factor<Lanes>& b) {
  const typename Lanes::Split a0 = Lanes::split(a.c[0]);
  const typename Lanes::Split a1 = Lanes::split(a.c[1]);
  const typename Lanes::Split a2 = Lanes::split(a.c[2]);
  Lanes::multiply_add(sum.c[0], a0, b.c[0]);
  Lanes::multiply_add(sum.c[1], a0, b.c[1]);
  Lanes::multiply_add(sum.c[2], a0, b.c[2]);
  Lanes::multiply_add(sum.c[0], a1, b.twice2);
  Lanes::multiply_add(sum.c[1], a1, b.c[0]);
  Lanes::multiply_add(sum.c[2], a1, b.c[1]);
  Lanes::multiply_add(sum.c[0], a2, b.twice1);
  Lanes::multiply_add(sum.c[1], a2, b.twice2);
  Lanes::multiply_add(sum.c[2], a2, b.c[0]);
}

template <typename Lanes>
inline Extended<Lanes> value_of(const ExtendedSum<Lanes>& sum) {
  return {{Lanes::value(sum.c[0]), Lanes::value(sum.c[1]), Lanes::value(sum.c[2])}};
}

template <typename Lanes>
inline Extended<Lanes> operator*(const Extended<Lanes>& a, const Factor<Lanes>& b) {
  ExtendedSum<Lanes> sum;
  multiply_add(sum, a, b);
  return value_of(sum);
}

/// Adds up the lanes of what a loop has summed, to the element at `total`.
template <typename Lanes>
inline void add_lanes(const Extended<Lanes>& a, Word* total) {
  Word words[Lanes::kLanes];
  for (int k = 0; k < 3; ++k) {
    Lanes::store(words, a.c[k]);
    for (const Word word : words) total[k] = OneLane::add(total[k], word);
  }
}

template <typename Lanes>
void butterflies_loop(Word* low, Word* high, std::size_t count, std::size_t words,
                      const Word* twiddles) {
  for (std::size_t j = 0; j < count; ++j) {
    const auto twiddle = Lanes::every(twiddles[j]);
    Word* const a = low + j * words;
    Word* const b = high + j * words;
    for (std::size_t i = 0; i < words; i += Lanes::kLanes) {
      const auto x = Lanes::load(a + i);
      const auto y = Lanes::load(b + i);
      Lanes::store(a + i, Lanes::add(x, y));
      Lanes::store(b + i, Lanes::mul(Lanes::sub(x, y), twiddle));
    }
  }
}

template <typename Lanes>
void scale_loop(Word* target, const Word* source, std::size_t words, Word factor) {
  const auto every = Lanes::every(factor);
  for (std::size_t i = 0; i < words; i += Lanes::kLanes) {
    Lanes::store(target + i, Lanes::mul(Lanes::load(source + i), every));
  }
}

/// kWidth lanes' worth of columns at a time, so that their sums stay in registers.
template <typename Lanes, std::size_t kWidth>
void add_rows_loop(const Word* rows, std::size_t count, std::size_t words, const Word* factors,
                   Word* sums) {
  constexpr std::size_t kColumns = kWidth * Lanes::kLanes;
  for (std::size_t column = 0; column < words; column += kColumns) {
    for (std::size_t done = 0; done < count; done += kMostProducts) {
      const std::size_t end = count - done < kMostProducts ? count : done + kMostProducts;
      typename Lanes::Sum sum[kWidth];
      for (std::size_t row = done; row < end; ++row) {
        const auto factor = Lanes::split(Lanes::every(factors[row]));
        const Word* const place = rows + row * words + column;
        for (std::size_t i = 0; i < kWidth; ++i) {
          Lanes::multiply_add(sum[i], Lanes::split(Lanes::load(place + i * Lanes::kLanes)), factor);
        }
      }
      for (std::size_t i = 0; i < kWidth; ++i) {
        Word* const place = sums + column + i * Lanes::kLanes;
        Lanes::store(place, Lanes::add(Lanes::load(place), Lanes::value(sum[i])));
      }
    }
  }
}

template <typename Lanes>
void add_rows_extended_loop(const Word* rows, std::size_t count, const Word* factors, Word* sums) {
  for (std::size_t column = 0; column < 16; column += Lanes::kLanes) {
    for (std::size_t done = 0; done < count; done += kMostProducts) {
      const std::size_t end = count - done < kMostProducts ? count : done + kMostProducts;
      typename Lanes::Sum sum[3];
      for (std::size_t row = done; row < end; ++row) {
        const auto value = Lanes::split(Lanes::load(rows + row * 16 + column));
        for (std::size_t k = 0; k < 3; ++k) {
          Lanes::multiply_add(sum[k], value, Lanes::split(Lanes::every(factors[3 * row + k])));
        }
      }
      Extended<Lanes> total = load_extended<Lanes>(sums + 3 * column);
      for (std::size_t k = 0; k < 3; ++k) total.c[k] = Lanes::add(total.c[k], Lanes::value(sum[k]));
      Lanes::store3(sums + 3 * column, total.c);
    }
  }
}

template <typename Lanes>
void fold_rows_loop(const Word* rows, std::size_t count, const Word* weights, Word* out) {
  std::size_t row = 0;
  for (; row + Lanes::kLanes <= count; row += Lanes::kLanes) {
    typename Lanes::Sum sum[3];
    for (std::size_t c = 0; c < 16; ++c) {
      const auto value = Lanes::split(Lanes::strided(rows + row * 16 + c, 16));
      for (std::size_t k = 0; k < 3; ++k) {
        Lanes::multiply_add(sum[k], value, Lanes::split(Lanes::every(weights[3 * c + k])));
      }
    }
    const Extended<Lanes> total{{Lanes::value(sum[0]), Lanes::value(sum[1]), Lanes::value(sum[2])}};
    Lanes::store3(out + 3 * row, total.c);
  }
  if constexpr (Lanes::kLanes > 1) {
    fold_rows_loop<OneLane>(rows + row * 16, count - row, weights, out + 3 * row);
  }
}

template <typename Lanes>
void add_tables_loop(Word* target, std::size_t count, const Word* heads, const Word* tables,
                     std::size_t stride, std::size_t tables_count) {
  std::size_t b = 0;
  for (; b + Lanes::kLanes <= count; b += Lanes::kLanes) {
    Extended<Lanes> total = load_extended<Lanes>(target + 3 * b);
    for (std::size_t done = 0; done < tables_count; done += kMostProducts) {
      const std::size_t end =
          tables_count - done < kMostProducts ? tables_count : done + kMostProducts;
      typename Lanes::Sum sum[3];
      for (std::size_t j = done; j < end; ++j) {
        const auto value = Lanes::split(Lanes::load(tables + j * stride + b));
        for (std::size_t k = 0; k < 3; ++k) {
          Lanes::multiply_add(sum[k], value, Lanes::split(Lanes::every(heads[3 * j + k])));
        }
      }
      for (std::size_t k = 0; k < 3; ++k) total.c[k] = Lanes::add(total.c[k], Lanes::value(sum[k]));
    }
    Lanes::store3(target + 3 * b, total.c);
  }
  if constexpr (Lanes::kLanes > 1) {
    add_tables_loop<OneLane>(target + 3 * b, count - b, heads, tables + b, stride, tables_count);
  }
}

template <typename Lanes>
void add_scaled_loop(Word* target, const Word* table, std::size_t count, const Word* factor) {
  const Factor<Lanes> every(every_extended<Lanes>(factor));
  std::size_t b = 0;
  for (; b + Lanes::kLanes <= count; b += Lanes::kLanes) {
    const Extended<Lanes> sum =
        load_extended<Lanes>(target + 3 * b) + load_extended<Lanes>(table + 3 * b) * every;
    Lanes::store3(target + 3 * b, sum.c);
  }
  if constexpr (Lanes::kLanes > 1) {
    add_scaled_loop<OneLane>(target + 3 * b, table + 3 * b, count - b, factor);
  }
}

template <typename Lanes>
void dot_loop(const Word* values, const Word* table, std::size_t count, Word* sum) {
  std::size_t b = 0;
  while (b + Lanes::kLanes <= count) {
    typename Lanes::Sum part[3];
    for (std::size_t i = 0; i < kMostProducts && b + Lanes::kLanes <= count;
         ++i, b += Lanes::kLanes) {
      const auto value = Lanes::split(Lanes::load(values + b));
      const Extended<Lanes> factor = load_extended<Lanes>(table + 3 * b);
      for (std::size_t k = 0; k < 3; ++k) {
        Lanes::multiply_add(part[k], value, Lanes::split(factor.c[k]));
      }
    }
    add_lanes(
        Extended<Lanes>{{Lanes::value(part[0]), Lanes::value(part[1]), Lanes::value(part[2])}},
        sum);
  }
  if constexpr (Lanes::kLanes > 1) dot_loop<OneLane>(values + b, table + 3 * b, count - b, sum);
}

/// Elements 2i and 2i + 1 of 2 kLanes that follow each other.
template <typename Lanes>
inline void load_pairs(const Word* place, Extended<Lanes>& even, Extended<Lanes>& odd) {
  const Extended<Lanes> first = load_extended<Lanes>(place);
  const Extended<Lanes> second = load_extended<Lanes>(place + 3 * Lanes::kLanes);
  for (int k = 0; k < 3; ++k) Lanes::unzip(first.c[k], second.c[k], even.c[k], odd.c[k]);
}

template <typename Lanes>
void pair_products_loop(const Word* f, const Word* w, std::size_t count, Word* sums) {
  std::size_t i = 0;
  while (i + Lanes::kLanes <= count) {
    ExtendedSum<Lanes> at_zero;
    ExtendedSum<Lanes> leading;
    for (std::size_t n = 0; n < kMostExtended && i + Lanes::kLanes <= count;
         ++n, i += Lanes::kLanes) {
      Extended<Lanes> f0;
      Extended<Lanes> f1;
      load_pairs(f + 6 * i, f0, f1);
      Extended<Lanes> w0;
      Extended<Lanes> w1;
      load_pairs(w + 6 * i, w0, w1);
      multiply_add(at_zero, f0, Factor<Lanes>(w0));
      multiply_add(leading, f1 - f0, Factor<Lanes>(w1 - w0));
    }
    add_lanes(value_of(at_zero), sums);
    add_lanes(value_of(leading), sums + 3);
  }
  if constexpr (Lanes::kLanes > 1) {
    pair_products_loop<OneLane>(f + 6 * i, w + 6 * i, count - i, sums);
  }
}

template <typename Lanes>
void fold_pairs_loop(const Word* in, std::size_t count, const Word* r, Word* out) {
  const Factor<Lanes> every(every_extended<Lanes>(r));
  std::size_t i = 0;
  for (; i + Lanes::kLanes <= count; i += Lanes::kLanes) {
    Extended<Lanes> even;
    Extended<Lanes> odd;
    load_pairs(in + 6 * i, even, odd);
    const Extended<Lanes> folded = even + (odd - even) * every;
    Lanes::store3(out + 3 * i, folded.c);
  }
  if constexpr (Lanes::kLanes > 1) {
    fold_pairs_loop<OneLane>(in + 6 * i, count - i, r, out + 3 * i);
  }
}

template <typename Lanes>
void fold_halves_loop(Word* low, const Word* high, std::size_t count, const Word* r) {
  const Factor<Lanes> every(every_extended<Lanes>(r));
  std::size_t i = 0;
  for (; i + Lanes::kLanes <= count; i += Lanes::kLanes) {
    const Extended<Lanes> a = load_extended<Lanes>(low + 3 * i);
    const Extended<Lanes> folded = a + (load_extended<Lanes>(high + 3 * i) - a) * every;
    Lanes::store3(low + 3 * i, folded.c);
  }
  if constexpr (Lanes::kLanes > 1) {
    fold_halves_loop<OneLane>(low + 3 * i, high + 3 * i, count - i, r);
  }
}

template <typename Lanes, std::size_t kFactors>
void line_products_of(const Word* const* low, const Word* const* high, std::size_t first,
                      std::size_t count, Word* sums) {
  std::size_t i = first;
  for (; i + Lanes::kLanes <= count; i += Lanes::kLanes) {
    Extended<Lanes> products[kFactors + 1];
    for (std::size_t f = 0; f < kFactors; ++f) {
      Extended<Lanes> value = load_extended<Lanes>(low[f] + 3 * i);
      const Extended<Lanes> step = load_extended<Lanes>(high[f] + 3 * i) - value;
      for (std::size_t k = 0; k <= kFactors; ++k) {
        products[k] = f == 0 ? value : products[k] * Factor<Lanes>(value);
        value = value + step;
      }
    }
    for (std::size_t k = 0; k <= kFactors; ++k) add_lanes(products[k], sums + 3 * k);
  }
  if constexpr (Lanes::kLanes > 1) line_products_of<OneLane, kFactors>(low, high, i, count, sums);
}

template <typename Lanes>
void line_products_loop(const Word* const* low, const Word* const* high, std::size_t factors,
                        std::size_t count, Word* sums) {
  switch (factors) {
    case 1:
      return line_products_of<Lanes, 1>(low, high, 0, count, sums);
    case 2:
      return line_products_of<Lanes, 2>(low, high, 0, count, sums);
    case 3:
      return line_products_of<Lanes, 3>(low, high, 0, count, sums);
    default:
      return line_products_of<Lanes, 4>(low, high, 0, count, sums);
  }
}

template <typename Lanes>
void add_fractions_loop(const Word* p, const Word* q, std::size_t count, Word* p_out, Word* q_out) {
  std::size_t i = 0;
  for (; i + Lanes::kLanes <= count; i += Lanes::kLanes) {
    Extended<Lanes> p0;
    Extended<Lanes> p1;
    load_pairs(p + 6 * i, p0, p1);
    Extended<Lanes> q0;
    Extended<Lanes> q1;
    load_pairs(q + 6 * i, q0, q1);
    const Factor<Lanes> left(q0);
    const Factor<Lanes> right(q1);
    ExtendedSum<Lanes> sum;
    multiply_add(sum, p0, right);
    multiply_add(sum, p1, left);
    Lanes::store3(p_out + 3 * i, value_of(sum).c);
    Lanes::store3(q_out + 3 * i, (q0 * right).c);
  }
  if constexpr (Lanes::kLanes > 1) {
    add_fractions_loop<OneLane>(p + 6 * i, q + 6 * i, count - i, p_out + 3 * i, q_out + 3 * i);
  }
}

/// Elements 4i, 4i + 1, 4i + 2, 4i + 3 of 4 kLanes that follow each other.
template <typename Lanes>
inline void load_fours(const Word* place, Extended<Lanes>* out) {
  Extended<Lanes> even[2];
  Extended<Lanes> odd[2];
  load_pairs(place, even[0], odd[0]);
  load_pairs(place + 6 * Lanes::kLanes, even[1], odd[1]);
  for (int k = 0; k < 3; ++k) {
    Lanes::unzip(even[0].c[k], even[1].c[k], out[0].c[k], out[2].c[k]);
    Lanes::unzip(odd[0].c[k], odd[1].c[k], out[1].c[k], out[3].c[k]);
  }
}

template <typename Lanes>
void fraction_lines_loop(const Word* p, const Word* q, const Word* weights, std::size_t count,
                         const Word* lambda, Word* sums) {
  const Factor<Lanes> every_lambda(every_extended<Lanes>(lambda));
  std::size_t i = 0;
  while (i + Lanes::kLanes <= count) {
    ExtendedSum<Lanes> first;   // of X
    ExtendedSum<Lanes> second;  // of X^2
    for (std::size_t n = 0; n < kMostExtended && i + Lanes::kLanes <= count;
         ++n, i += Lanes::kLanes) {
      Extended<Lanes> ps[4];
      Extended<Lanes> qs[4];
      load_fours(p + 12 * i, ps);
      load_fours(q + 12 * i, qs);
      const Factor<Lanes> weight(load_extended<Lanes>(weights + 3 * i));
      // (pL + lambda qL) qR + pR qL: at 0, at 1, and the product of the steps.
      const Extended<Lanes> left = ps[0] + qs[0] * every_lambda;
      const Extended<Lanes> left_after = ps[2] + qs[2] * every_lambda;
      ExtendedSum<Lanes> at_zero;
      multiply_add(at_zero, left, Factor<Lanes>(qs[1]));
      multiply_add(at_zero, ps[1], Factor<Lanes>(qs[0]));
      ExtendedSum<Lanes> at_one;
      multiply_add(at_one, left_after, Factor<Lanes>(qs[3]));
      multiply_add(at_one, ps[3], Factor<Lanes>(qs[2]));
      ExtendedSum<Lanes> steps;
      multiply_add(steps, left_after - left, Factor<Lanes>(qs[3] - qs[1]));
      multiply_add(steps, ps[3] - ps[1], Factor<Lanes>(qs[2] - qs[0]));
      const Extended<Lanes> g2 = value_of(steps);
      multiply_add(first, value_of(at_one) - value_of(at_zero) - g2, weight);
      multiply_add(second, g2, weight);
    }
    add_lanes(value_of(first), sums);
    add_lanes(value_of(second), sums + 3);
  }
  if constexpr (Lanes::kLanes > 1) {
    fraction_lines_loop<OneLane>(p + 12 * i, q + 12 * i, weights + 3 * i, count - i, lambda, sums);
  }
}

/// The other way round: what load_pairs has taken apart.
template <typename Lanes>
inline void store_pairs(Word* place, const Extended<Lanes>& even, const Extended<Lanes>& odd) {
  Extended<Lanes> first;
  Extended<Lanes> second;
  for (int k = 0; k < 3; ++k) Lanes::zip(even.c[k], odd.c[k], first.c[k], second.c[k]);
  Lanes::store3(place, first.c);
  Lanes::store3(place + 3 * Lanes::kLanes, second.c);
}

template <typename Lanes>
void fold_fours_loop(const Word* in, std::size_t count, const Word* r, Word* out) {
  const Factor<Lanes> every(every_extended<Lanes>(r));
  std::size_t i = 0;
  for (; i + Lanes::kLanes <= count; i += Lanes::kLanes) {
    Extended<Lanes> four[4];
    load_fours(in + 12 * i, four);
    store_pairs(out + 6 * i, four[0] + (four[2] - four[0]) * every,
                four[1] + (four[3] - four[1]) * every);
  }
  if constexpr (Lanes::kLanes > 1) {
    fold_fours_loop<OneLane>(in + 12 * i, count - i, r, out + 6 * i);
  }
}

/// Every loop in these lanes.
template <typename Lanes>
constexpr FieldKernels kernels_over(const char* name) {
  return {name,
          butterflies_loop<Lanes>,
          scale_loop<Lanes>,
          add_rows_loop<Lanes, 16 / Lanes::kLanes>,
          add_rows_extended_loop<Lanes>,
          fold_rows_loop<Lanes>,
          add_tables_loop<Lanes>,
          add_scaled_loop<Lanes>,
          dot_loop<Lanes>,
          pair_products_loop<Lanes>,
          fold_pairs_loop<Lanes>,
          fold_halves_loop<Lanes>,
          line_products_loop<Lanes>,
          add_fractions_loop<Lanes>,
          fraction_lines_loop<Lanes>,
          fold_fours_loop<Lanes>};
}

}  // namespace
}  // namespace imo::zkml
