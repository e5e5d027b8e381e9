#include "imo/zkml/whir_first_folds.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/kernels.hpp"

namespace imo::zkml {

FirstFolds::FirstFolds(std::span<const Fp> values, unsigned variables, ThreadPool& pool)
    : values_(values), variables_(variables), pool_(pool), products_(side_ * side_) {
  IMO_CHECK(values.size() % kRowElements == 0 && values.size() >> variables <= 1, "whole rows");
}

void FirstFolds::add(Weight weight, const Fp3& scale) {
  IMO_CHECK(side_ == kRowElements, "weights come before folds");
  if (weight.is_over_rows()) {
    const RowValues row = weight.row();
    const RowValues sums = weight.row_sums(values_, pool_);
    for (std::size_t a = 0; a < side_; ++a) {
      const Fp3 scaled = scale * row.at[a];
      for (std::size_t c = 0; c < side_; ++c) product(a, c) += scaled * sums.at[c];
    }
    weights_.emplace_back(std::move(weight), scale);
    return;
  }
  for (const auto& [index, value] : weight.entries()) {
    const Fp3 scaled = scale * value;
    const std::size_t row = index / kRowElements * kRowElements;
    entries_.emplace_back(index, scaled);
    if (row >= values_.size()) continue;
    for (std::size_t c = 0; c < side_; ++c) {
      product(index % kRowElements, c) += scaled * values_[row + c];
    }
  }
}

RoundPolynomial FirstFolds::polynomial() const {
  RoundPolynomial sum;
  for (std::size_t i = 0; i < side_; i += 2) {
    sum.at_zero += product(i, i);
    sum.leading += product(i, i) - product(i, i + 1) - product(i + 1, i) + product(i + 1, i + 1);
  }
  return sum;
}

void FirstFolds::fold(const Fp3& r) {
  std::vector<Fp3> folded;
  for (std::size_t a = 0; a < side_; a += 2) {
    for (std::size_t c = 0; c < side_; c += 2) {
      const Fp3 low = product(a, c) + r * (product(a, c + 1) - product(a, c));
      const Fp3 high = product(a + 1, c) + r * (product(a + 1, c + 1) - product(a + 1, c));
      folded.push_back(low + r * (high - low));
    }
  }
  products_ = std::move(folded);
  side_ /= 2;
  r_.push_back(r);
}

void FirstFolds::write_vector(std::span<Fp3> to) const {
  IMO_CHECK(side_ == 1 && to.size() == std::size_t{1} << (variables_ - kRowVariables),
            "four folds, and room for what they leave");
  const std::vector<Fp3> weights = point_weights(r_);
  pool_.parallel_ranges(values_.size() / kRowElements, [&](std::size_t begin, std::size_t end) {
    field_kernels().fold_rows(words_of(&values_[begin * kRowElements]), end - begin,
                              words_of(weights.data()), words_of(&to[begin]));
  });
}

void FirstFolds::add_weights(std::span<Fp3> to) const {
  IMO_CHECK(side_ == 1, "four folds");
  for (const auto& [weight, scale] : weights_) weight.above(r_).add_to(to, scale, pool_);
  const std::vector<Fp3> row = point_weights(r_);
  for (const auto& [index, value] : entries_) {
    to[index / kRowElements] += value * row[index % kRowElements];
  }
}

}  // namespace imo::zkml
