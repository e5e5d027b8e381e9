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
  IMO_CHECK(key.size() == query.size(), "a key and a query of different dimensions");
  Fp3 equal(1);
  Fp3 below;
  for (std::size_t j = key.size(); j > 0; --j) {
    const Fp3 both = key[j - 1] * query[j - 1];
    below += equal * (query[j - 1] - both);
    equal *= Fp3(1) - key[j - 1] - query[j - 1] + both + both;
  }
  return below + equal;
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

KnownFactor KnownFactor::sparse(unsigned first, unsigned count, std::vector<Entry> entries) {
  for (const Entry& entry : entries) {
    IMO_CHECK(entry.index >> count == 0, "an entry outside the factor");
  }
  return {first, count, std::move(entries)};
}

KnownFactor KnownFactor::equal(unsigned first, std::vector<Fp3> point) {
  const auto count = static_cast<unsigned>(point.size());
  return {first, count, std::move(point)};
}

KnownFactor KnownFactor::causal(unsigned first, unsigned bits) {
  return {first, 2 * bits, Causal{.inverted = false}};
}

KnownFactor KnownFactor::acausal(unsigned first, unsigned bits) {
  return {first, 2 * bits, Causal{.inverted = true}};
}

std::vector<Fp3> KnownFactor::table() const {
  if (const auto* point = std::get_if<std::vector<Fp3>>(&form_)) return point_weights(*point);
  std::vector<Fp3> values(std::size_t{1} << count_);
  if (const auto* entries = std::get_if<std::vector<Entry>>(&form_)) {
    for (const Entry& entry : *entries) values[entry.index] += entry.value;
    return values;
  }
  const bool inverted = std::get<Causal>(form_).inverted;
  const std::size_t side = std::size_t{1} << (count_ / 2);
  for (std::size_t query = 0; query < side; ++query) {
    for (std::size_t key = 0; key < side; ++key) {
      values[query * side + key] = Fp3((key <= query) != inverted ? 1 : 0);
    }
  }
  return values;
}

Fp3 KnownFactor::evaluate(std::span<const Fp3> r) const {
  IMO_CHECK(r.size() == count_, "a point of another dimension");
  if (const auto* point = std::get_if<std::vector<Fp3>>(&form_)) return evaluate_equal(*point, r);
  if (const auto* entries = std::get_if<std::vector<Entry>>(&form_)) {
    Fp3 sum;
    for (const Entry& entry : *entries) sum += entry.value * evaluate_index(entry.index, r);
    return sum;
  }
  const Fp3 causal = evaluate_causal(r.first(count_ / 2), r.last(count_ / 2));
  return std::get<Causal>(form_).inverted ? Fp3(1) - causal : causal;
}

}  // namespace imo::zkml
