#include "imo/base/check.hpp"
#include "imo/zkml/code.hpp"
#include "imo/zkml/weight.hpp"
#include "imo/zkml/whir.hpp"
#include "imo/zkml/whir_rows.hpp"

#include <string>

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

  Result<void> fold() {
    IMO_TRY(const Fp3 at_zero, proof_.read_fp3());
    IMO_TRY(const Fp3 leading, proof_.read_fp3());
    const Fp3 r = proof_.challenge();
    const Fp3 at_one = sum_ - at_zero;
    sum_ = at_zero + r * (at_one - at_zero - leading + r * leading);
    point_.push_back(r);
    return {};
  }

  /// Positions, and the folded value of the committed row at each.
  struct Answers {
    std::vector<std::uint32_t> positions;
    std::vector<Fp3> values;
  };

  template <typename Element>
  Result<Answers> read_answers(const WhirRound& round, const Digest& root) {
    IMO_TRY_VOID(proof_.check_grinding(parameters_.grinding()));
    Answers answers{.positions = draw_positions(round, proof_), .values = {}};
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
    IMO_TRY_VOID(check_opening(root, round.log_rows, answers.positions, std::move(leaves), proof_));
    return answers;
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

  const WhirParameters& parameters_;
  ProofReader& proof_;
  Fp3 sum_;
  std::vector<Fp3> point_;  ///< the challenges of the folds, lowest variable first
  std::vector<Term> terms_;
};

}  // namespace

Result<OutOfDomain> read_binding(ProofReader& proof) {
  const Fp3 x = proof.challenge();
  IMO_TRY(const Fp3 y, proof.read_fp3());
  return OutOfDomain{x, y};
}

Result<void> check_open(const WhirParameters& parameters, const Digest& root,
                        const OutOfDomain& binding, std::span<const Claim> claims,
                        ProofReader& proof) {
  IMO_CHECK(!claims.empty() && claims.size() <= WhirParameters::kMaxClaims, "number of claims");
  const std::vector<WhirRound>& rounds = parameters.rounds();
  const Fp3 first_gamma = proof.challenge();
  Check check(parameters, proof);
  check.add(Weight::powers(binding.point, parameters.variables()), binding.value, Fp3(1));
  Fp3 scale(1);
  for (const Claim& claim : claims) {
    scale *= first_gamma;
    check.add(weight_of(claim, parameters), claim.value, scale);
  }

  Digest this_root = root;
  std::vector<Fp3> last_vector;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    for (unsigned j = 0; j < WhirParameters::kFolding; ++j) IMO_TRY_VOID(check.fold());
    const bool last = i + 1 == rounds.size();
    Digest next_root;
    OutOfDomain out_of_domain;
    if (last) {
      IMO_TRY(last_vector, check.read_last());
    } else {
      IMO_TRY(next_root, proof.read_digest());
      IMO_TRY(out_of_domain, read_binding(proof));
    }
    IMO_TRY(const Check::Answers answers, i == 0 ? check.read_answers<Fp>(rounds[i], this_root)
                                                 : check.read_answers<Fp3>(rounds[i], this_root));
    if (last) {
      for (std::size_t j = 0; j < answers.positions.size(); ++j) {
        if (evaluate_univariate(last_vector, code_point(answers.positions[j])) !=
            answers.values[j]) {
          return proof.refused("a row does not fold to the last vector");
        }
      }
    } else {
      const unsigned variables = rounds[i + 1].variables;
      const Fp3 gamma = proof.challenge();
      check.add(Weight::powers(out_of_domain.point, variables), out_of_domain.value, gamma);
      scale = gamma;
      for (std::size_t j = 0; j < answers.positions.size(); ++j) {
        scale *= gamma;
        check.add(Weight::powers(code_point(answers.positions[j]), variables), answers.values[j],
                  scale);
      }
      this_root = next_root;
    }
  }
  for (unsigned j = 0; j < parameters.last_variables(); ++j) IMO_TRY_VOID(check.fold());
  return check.check_sum(last_vector);
}

}  // namespace imo::zkml
