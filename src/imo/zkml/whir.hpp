/// WHIR: commitments to vectors over F_p that open at many points at once.
///
/// docs/proof.md, "WHIR", is normative. A vector of 2^n elements is a multilinear polynomial by its
/// values on {0,1}^n; coordinate j of a point belongs to bit j of the index. The prover commits,
/// both sides bind() before any challenge that the claims depend on, and in the end all claims on
/// one or two commitments are opened together.
#pragma once

#include "imo/base/large_vector.hpp"
#include "imo/zkml/field.hpp"
#include "imo/zkml/transcript.hpp"
#include "imo/zkml/tree.hpp"
#include "imo/zkml/whir_parameters.hpp"
#include "imo/zkml/word_tree.hpp"

#include <memory>
#include <span>
#include <vector>

namespace imo::zkml {

/// A claim on blocks of 2^low.size() elements of a commitment that follow each other: scaled with
/// `scales`, one for each, the values of their multilinear polynomials at `low` add up to `value`.
struct Claim {
  std::vector<Fp3> low;
  std::uint64_t first_block = 0;
  std::vector<Fp3> scales;
  Fp3 value;

  /// The value of the whole commitment's polynomial at a point.
  static Claim at(std::vector<Fp3> point, const Fp3& value) {
    return {std::move(point), 0, {Fp3(1)}, value};
  }
};

/// The claim on the univariate polynomial that binds a commitment to one codeword.
struct OutOfDomain {
  Fp3 point;
  Fp3 value;

  friend bool operator==(const OutOfDomain&, const OutOfDomain&) = default;
};

/// What a prover keeps of a commitment: the vector, and the tree over its codeword. The codeword is
/// many times as large, and is made again, where it is opened.
class CommittedVector {
 public:
  /// `values` are 2^code.variables elements (checked).
  CommittedVector(const WhirCode& code, std::vector<Fp> values, ThreadPool& pool);
  /// The same, with a word made before in place of a codeword, which is kept (its size is checked):
  /// for provers that lie.
  CommittedVector(const WhirCode& code, std::vector<Fp> values, LargeVector<Fp> word,
                  ThreadPool& pool);

  /// A commitment made before: values, of which zeros at the end may be missing, and the tree over
  /// their code. `keeper` owns what both look at.
  CommittedVector(const WhirCode& code, std::span<const Fp> values, WordTree tree,
                  std::shared_ptr<const void> keeper);

  [[nodiscard]] const WhirCode& code() const { return code_; }
  [[nodiscard]] std::span<const Fp> values() const { return values_; }
  /// The values without the rows of zeros at their end.
  [[nodiscard]] std::span<const Fp> stored() const { return values().first(stored_); }
  [[nodiscard]] const Digest& root() const { return tree_.root(); }
  /// Writes rows of the word, 16 elements each, and what shows that they stand under the root.
  void open_rows(std::span<const std::uint32_t> positions, ProofWriter& proof,
                 ThreadPool& pool) const;

 private:
  void keep(std::vector<Fp> values);

  WhirCode code_;
  std::shared_ptr<const void> keeper_;
  std::span<const Fp> values_;
  std::size_t stored_ = 0;
  LargeVector<Fp> word_;  ///< empty where it is the values' codeword
  WordTree tree_;
};

/// A commitment that many proofs open, and that was bound when it was registered.
struct RegisteredRoot {
  Digest root;
  OutOfDomain binding;  ///< at a point that nobody could choose: hashed from the root

  friend bool operator==(const RegisteredRoot&, const RegisteredRoot&) = default;
};

/// What binds a commitment at `point`.
OutOfDomain binding_at(const CommittedVector& vector, const Fp3& point, ThreadPool& pool);

/// The prover's half of binding to a root that was written.
OutOfDomain bind(const CommittedVector& vector, ProofWriter& proof, ThreadPool& pool);

/// The verifier's half.
Result<OutOfDomain> read_binding(ProofReader& proof);

/// What a prover opens of a commitment. All borrowed.
struct Opened {
  const CommittedVector& vector;
  OutOfDomain binding;
  std::span<const Claim> claims;
};

/// What a verifier is told of a commitment.
struct Claimed {
  Digest root;
  OutOfDomain binding;
  std::span<const Claim> claims;
};

/// Proves that bindings and claims hold, at most WhirParameters::kMaxClaims in all (checked): a
/// proof of false ones is written as well, and refused. `all` are what `parameters` were made for.
void open(const WhirParameters& parameters, std::span<const Opened> all, ProofWriter& proof,
          ThreadPool& pool);

/// Holds when the vectors under the roots meet their bindings and every claim. Claims' blocks lie
/// within their commitments and before any hole, and claims number at most kMaxClaims (checked: the
/// verifier makes them itself).
Result<void> check_open(const WhirParameters& parameters, std::span<const Claimed> all,
                        ProofReader& proof);

}  // namespace imo::zkml
