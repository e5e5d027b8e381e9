#include "imo/base/check.hpp"
#include "imo/zkml/code.hpp"
#include "imo/zkml/weight.hpp"
#include "imo/zkml/whir.hpp"
#include "imo/zkml/whir_rows.hpp"

#include <algorithm>
#include <optional>

namespace imo::zkml {
namespace {

Result<Fp> read_element(ProofReader& proof, const Fp& /*kind*/) {
  return proof.read_fp();
}
Result<Fp3> read_element(ProofReader& proof, const Fp3& /*kind*/) {
  return proof.read_fp3();
}

/// The verifier between two messages: the sum that is claimed, and the weights it is over.
class Check {
 public:
  Check(const WhirParameters& parameters, ProofReader& proof)
      : parameters_(parameters), proof_(proof) {}

  /// Adds scale * (the sum over `weight` is `value`); the weight's variables are those that have
  /// not been folded yet.
  void add(Weight weight, const Fp3& value, const Fp3& scale) {
    sum_ += scale * value;
    terms_.push_back({std::move(weight), scale, point_.size()});
  }

  /// The same of a claim on a part.
  void add(const Claim& claim, const WhirPart& part, const Fp3& scale) {
    const auto variables = static_cast<unsigned>(claim.low.size());
    const WhirBlock& block = part.block;
    const std::uint64_t end = part.hole ? part.hole->offset() : block.size();
    IMO_CHECK(
        variables <= block.variables && claim.first_block + claim.scales.size() <= end >> variables,
        "blocks outside of the commitment, or behind what is stored");
    const std::uint64_t first = claim.first_block + (block.offset() >> variables);
    add(Weight::in_blocks(claim.low, first, claim.scales, parameters_.variables()), claim.value,
        scale);
  }

  /// The same of the univariate polynomial at x of what is in a block, but for a hole in it.
  void add_at(const Fp3& x, const WhirBlock& block, const std::optional<WhirBlock>& hole,
              const Fp3& value, const Fp3& scale) {
    const unsigned variables = parameters_.variables() - static_cast<unsigned>(point_.size());
    add(Weight::powers_in_block(x, block.variables, block.number, variables), value, scale);
    if (!hole) return;
    add(Weight::powers_in_block(x, hole->variables, hole->number, variables), Fp3(),
        -scale * x.pow(hole->offset() - block.offset()));
  }

  Result<void> fold() {
    IMO_TRY(const Fp3 at_zero, proof_.read_fp3());
    IMO_TRY(const Fp3 leading, proof_.read_fp3());
    const Fp3 r = proof_.challenge();
    const Fp3 at_one = sum_ - at_zero;
    sum_ = at_zero + r * (at_one - at_zero - leading + r * leading);
    point_.push_back(r);
    return {};
  }

  /// Asks for positions of a word, and folds the rows there.
  template <typename Element>
  Result<void> read_answers(const WhirPart& part, const Digest& root) {
    Answers answers{part, draw_positions(part.code, part.queries, proof_), {}};
    const std::vector<Fp3> weights =
        point_weights(std::span(point_).last(WhirParameters::kFolding));
    std::vector<Digest> leaves;
    for (std::size_t i = 0; i < answers.positions.size(); ++i) {
      std::array<Element, WhirParameters::kRowSize> row{};
      for (Element& element : row) {
        IMO_TRY(element, read_element(proof_, element));
      }
      leaves.push_back(tree_leaf(row_bytes(Row<Element>(row))));
      answers.values.push_back(fold_row(Row<Element>(row), weights));
    }
    IMO_TRY_VOID(
        check_opening(root, part.code.log_rows(), answers.positions, std::move(leaves), proof_));
    answers_.push_back(std::move(answers));
    return {};
  }

  /// Takes what was read in this round, and of the next round's vector, into the sum.
  void combine(const OutOfDomain& next) {
    const unsigned variables = parameters_.variables() - static_cast<unsigned>(point_.size());
    const Fp3 gamma = proof_.challenge();
    add(Weight::powers(next.point, variables), next.value, gamma);
    Fp3 scale = gamma;
    for (const Answers& answers : answers_) {
      for (std::size_t j = 0; j < answers.positions.size(); ++j) {
        scale *= gamma;
        add_at(Fp3(code_point(answers.positions[j])), folded(answers.part.block),
               folded(answers.part.hole), answers.values[j], scale);
      }
    }
    answers_.clear();
  }

  /// Every row that was read in this round must be the last vector's.
  [[nodiscard]] Result<void> check_last(std::span<const Fp3> last) const {
    for (const Answers& answers : answers_) {
      const WhirBlock block = folded(answers.part.block);
      std::vector<Fp3> part(last.begin(), last.end());
      if (const auto hole = folded(answers.part.hole)) {
        std::fill_n(part.begin() + static_cast<std::ptrdiff_t>(hole->offset()), hole->size(),
                    Fp3());
      }
      const std::span<const Fp3> own = std::span(part).subspan(block.offset(), block.size());
      for (std::size_t j = 0; j < answers.positions.size(); ++j) {
        if (evaluate_univariate(own, code_point(answers.positions[j])) != answers.values[j]) {
          return proof_.refused("a row does not fold to the last vector");
        }
      }
    }
    return {};
  }

  Result<std::vector<Fp3>> read_last() {
    std::vector<Fp3> last;
    for (std::size_t i = 0; i < std::size_t{1} << parameters_.last_variables(); ++i) {
      IMO_TRY(const Fp3 value, proof_.read_fp3());
      last.push_back(value);
    }
    return last;
  }

  /// All variables are folded: the sum must be the weights' and the last vector's product.
  [[nodiscard]] Result<void> check_sum(std::span<const Fp3> last) const {
    const std::span<const Fp3> point(point_);
    Fp3 weight;
    for (const Term& term : terms_) {
      weight += term.scale * term.weight.evaluate(point.subspan(term.folded_before));
    }
    const Fp3 value = evaluate_multilinear(last, point.last(parameters_.last_variables()));
    if (weight * value != sum_)
      return proof_.refused("the claimed values do not belong to the commitment");
    return {};
  }

 private:
  struct Term {
    Weight weight;
    Fp3 scale;
    std::size_t folded_before = 0;
  };

  /// Positions that were asked for, and the folded row at each.
  struct Answers {
    const WhirPart& part;
    std::vector<std::uint32_t> positions;
    std::vector<Fp3> values;
  };

  static WhirBlock folded(const WhirBlock& block) {
    return {block.variables - WhirParameters::kFolding, block.number};
  }
  static std::optional<WhirBlock> folded(const std::optional<WhirBlock>& block) {
    return block ? std::optional(folded(*block)) : std::nullopt;
  }

  const WhirParameters& parameters_;
  ProofReader& proof_;
  Fp3 sum_;
  std::vector<Fp3> point_;  ///< the challenges of the folds, lowest variable first
  std::vector<Term> terms_;
  std::vector<Answers> answers_;  ///< of this round
};

}  // namespace

Result<OutOfDomain> read_binding(ProofReader& proof) {
  const Fp3 x = proof.challenge();
  IMO_TRY(const Fp3 y, proof.read_fp3());
  return OutOfDomain{x, y};
}

Result<void> check_open(const WhirParameters& parameters, std::span<const Claimed> all,
                        ProofReader& proof) {
  const std::vector<WhirPart>& parts = parameters.parts();
  const std::vector<WhirPart>& rounds = parameters.rounds();
  IMO_CHECK(all.size() == parts.size(), "commitments that the parameters are not for");
  const Fp3 first_gamma = proof.challenge();
  Check check(parameters, proof);
  Fp3 scale(1);
  std::size_t claims = 0;
  for (std::size_t p = 0; p < parts.size(); ++p, scale *= first_gamma) {
    check.add_at(all[p].binding.point, parts[p].block, parts[p].hole, all[p].binding.value, scale);
    claims += all[p].claims.size();
  }
  IMO_CHECK(claims <= WhirParameters::kMaxClaims, "number of claims");
  for (std::size_t p = 0; p < parts.size(); ++p) {
    for (const Claim& claim : all[p].claims) {
      check.add(claim, parts[p], scale);
      scale *= first_gamma;
    }
  }

  Digest root;
  std::vector<Fp3> last_vector;
  for (std::size_t i = 0; i <= rounds.size(); ++i) {
    for (unsigned j = 0; j < WhirParameters::kFolding; ++j) IMO_TRY_VOID(check.fold());
    const bool last = i == rounds.size();
    Digest next_root;
    OutOfDomain out_of_domain;
    if (last) {
      IMO_TRY(last_vector, check.read_last());
    } else {
      IMO_TRY(next_root, proof.read_digest());
      IMO_TRY(out_of_domain, read_binding(proof));
    }
    IMO_TRY_VOID(proof.check_grinding(parameters.grinding()));
    if (i > 0) {
      IMO_TRY_VOID(check.read_answers<Fp3>(rounds[i - 1], root));
    } else {
      for (std::size_t p = 0; p < parts.size(); ++p) {
        IMO_TRY_VOID(check.read_answers<Fp>(parts[p], all[p].root));
      }
    }
    if (last) {
      IMO_TRY_VOID(check.check_last(last_vector));
    } else {
      check.combine(out_of_domain);
    }
    root = next_root;
  }
  for (unsigned j = 0; j < parameters.last_variables(); ++j) IMO_TRY_VOID(check.fold());
  return check.check_sum(last_vector);
}

}  // namespace imo::zkml
