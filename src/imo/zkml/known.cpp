#include "imo/zkml/known.hpp"

#include "imo/base/check.hpp"
#include "imo/zkml/weight.hpp"

namespace imo::zkml {
namespace {

Fp3 equal_bits(const Fp3& a, const Fp3& b) {
  const Fp3 both = a * b;
  return Fp3(1) - a - b + both + both;
}

}  // namespace

Fp3 evaluate_below(std::uint64_t bound, std::span<const Fp3> r) {
  if (bound >> r.size() != 0) return Fp3(1);
  // From the highest bit: equal so far, or below already.
  Fp3 equal(1);
  Fp3 below;
  for (std::size_t j = r.size(); j > 0; --j) {
    const bool bit = (bound >> (j - 1) & 1) != 0;
    const Fp3 zero = Fp3(1) - r[j - 1];
    if (bit) below += equal * zero;
    equal *= bit ? r[j - 1] : zero;
  }
  return below;
}

Fp3 evaluate_causal(std::span<const Fp3> key, std::span<const Fp3> query) {
  return evaluate_causal_below(std::uint64_t{1} << query.size(), key, query);
}

Fp3 evaluate_causal_below(std::uint64_t bound, std::span<const Fp3> key,
                          std::span<const Fp3> query) {
  IMO_CHECK(key.size() == query.size(), "a key and a query of different dimensions");
  // From the highest bit, what is known so far: key = query or key < query, and query = bound or
  // query < bound.
  const bool any = bound >> query.size() != 0;
  Fp3 both_equal(any ? 0 : 1);
  Fp3 key_less;
  Fp3 query_less(any ? 1 : 0);
  Fp3 both_less;
  for (std::size_t j = key.size(); j > 0; --j) {
    const Fp3& k = key[j - 1];
    const Fp3& q = query[j - 1];
    const Fp3 kq = k * q;
    const Fp3 q_only = q - kq;                // key 0, query 1
    const Fp3 neither = Fp3(1) - k - q_only;  // key 0, query 0
    const Fp3 same = kq + neither;
    const Fp3 query_zero = Fp3(1) - q;
    if ((bound >> (j - 1) & 1) != 0) {
      both_less = both_less + query_less * q_only + key_less * query_zero;
      query_less = query_less * same + both_equal * neither;
      key_less = key_less * q + both_equal * q_only;
      both_equal *= kq;
    } else {
      both_less = both_less + query_less * q_only;
      query_less *= same;
      key_less *= query_zero;
      both_equal *= neither;
    }
  }
  return query_less + both_less;
}

Fp3 evaluate_equal(std::span<const Fp3> a, std::span<const Fp3> b) {
  IMO_CHECK(a.size() == b.size(), "points of different dimensions");
  Fp3 product(1);
  for (std::size_t j = 0; j < a.size(); ++j) product *= equal_bits(a[j], b[j]);
  return product;
}

Fp3 evaluate_index(std::uint64_t index, std::span<const Fp3> r) {
  Fp3 product(1);
  for (std::size_t j = 0; j < r.size(); ++j) {
    product *= (index >> j & 1) != 0 ? r[j] : Fp3(1) - r[j];
  }
  return product;
}

KnownFactor& KnownFactor::add(Part part) {
  count_ += part.bits;
  parts_.push_back(std::move(part));
  return *this;
}

KnownFactor& KnownFactor::sparse(unsigned bits, std::vector<Entry> entries) {
  for (const Entry& entry : entries) IMO_CHECK(entry.index >> bits == 0, "an entry outside");
  return add({bits, std::move(entries)});
}

KnownFactor& KnownFactor::equal(std::span<const Fp3> point) {
  return add({static_cast<unsigned>(point.size()), std::vector<Fp3>(point.begin(), point.end())});
}

KnownFactor& KnownFactor::causal(unsigned bits) {
  return add({2 * bits, Causal{.inverted = false}});
}

KnownFactor& KnownFactor::acausal(unsigned bits) {
  return add({2 * bits, Causal{.inverted = true}});
}

KnownFactor& KnownFactor::below(unsigned bits, std::uint64_t bound) {
  return add({bits, Below{bound}});
}

std::vector<Fp3> KnownFactor::Part::table() const {
  if (const auto* point = std::get_if<std::vector<Fp3>>(&form)) return point_weights(*point);
  std::vector<Fp3> values(std::size_t{1} << bits);
  if (const auto* entries = std::get_if<std::vector<Entry>>(&form)) {
    for (const Entry& entry : *entries) values[entry.index] += entry.value;
  } else if (const auto* limit = std::get_if<Below>(&form)) {
    for (std::size_t i = 0; i < values.size() && i < limit->bound; ++i) values[i] = Fp3(1);
  } else {
    const bool inverted = std::get<Causal>(form).inverted;
    const std::size_t side = std::size_t{1} << (bits / 2);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = Fp3((i % side <= i / side) != inverted ? 1 : 0);
    }
  }
  return values;
}

Fp3 KnownFactor::Part::evaluate(std::span<const Fp3> r) const {
  if (const auto* point = std::get_if<std::vector<Fp3>>(&form)) return evaluate_equal(*point, r);
  if (const auto* limit = std::get_if<Below>(&form)) return evaluate_below(limit->bound, r);
  if (const auto* entries = std::get_if<std::vector<Entry>>(&form)) {
    Fp3 sum;
    for (const Entry& entry : *entries) sum += entry.value * evaluate_index(entry.index, r);
    return sum;
  }
  const Fp3 causal = evaluate_causal(r.first(bits / 2), r.last(bits / 2));
  return std::get<Causal>(form).inverted ? Fp3(1) - causal : causal;
}

LargeVector<Fp3> KnownFactor::table() const {
  LargeVector<Fp3> all(1, Fp3(1));
  for (const Part& part : parts_) {
    const std::vector<Fp3> high = part.table();
    LargeVector<Fp3> product(all.size() * high.size());
    for (std::size_t i = 0; i < product.size(); ++i) {
      product[i] = all[i % all.size()] * high[i / all.size()];
    }
    all = std::move(product);
  }
  return all;
}

Fp3 KnownFactor::evaluate(std::span<const Fp3> r) const {
  IMO_CHECK(r.size() == count_, "a point of another dimension");
  Fp3 product(1);
  std::size_t at = 0;
  for (const Part& part : parts_) {
    product *= part.evaluate(r.subspan(at, part.bits));
    at += part.bits;
  }
  return product;
}

}  // namespace imo::zkml
