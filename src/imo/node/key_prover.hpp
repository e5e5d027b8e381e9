/// What the registration of a verifying key needs of its model: openings for the contract, and sums
/// of the registered vector. docs/proof.md, "Registration", is normative.
#pragma once

#include "imo/engine/model.hpp"
#include "imo/opml/witness.hpp"
#include "imo/zkml/model_circuit.hpp"
#include "imo/zkml/program_fault.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::node {

/// A reveal splits a sum into 2^kRevealBits.
inline constexpr unsigned kRevealBits = 5;

/// The witness of IRegistrationVerifier.isRight for a part, which is not kNumbers (checked).
Bytes part_witness(const opml::ModelProver& model, const zkml::ProgramFault& part);

/// The registered vector of a model with a shape that is its own. Immutable once made.
class KeyProver {
 public:
  /// Fails when find_fault does. `model` and `pool` are borrowed.
  static Result<KeyProver> make(const opml::ModelProver& model, const zkml::ModelShape& shape,
                                ThreadPool& pool);

  /// The vector has 2^variables cells.
  [[nodiscard]] unsigned variables() const { return circuit_->circuit().registered_variables; }
  /// sum_b f[b] x^b.
  [[nodiscard]] zkml::Fp3 value_at(const zkml::Fp3& x) const { return sum(x, 0, variables()); }
  /// The same over the 2^left cells from `cell` on.
  [[nodiscard]] zkml::Fp3 sum(const zkml::Fp3& x, std::uint64_t cell, unsigned left) const;
  /// How a sum splits: into 2^min(left, kRevealBits) of neighbouring cells.
  [[nodiscard]] std::vector<zkml::Fp3> split(const zkml::Fp3& x, std::uint64_t cell,
                                             unsigned left) const;
  /// The witness of IRegistrationVerifier.termOf.
  [[nodiscard]] Bytes cell_witness(std::uint64_t cell) const;

 private:
  KeyProver(const opml::ModelProver& model, std::unique_ptr<const zkml::ModelCircuit> circuit,
            std::vector<zkml::Fp> values, ThreadPool& pool)
      : model_(&model), circuit_(std::move(circuit)), values_(std::move(values)), pool_(&pool) {}

  const opml::ModelProver* model_;
  std::unique_ptr<const zkml::ModelCircuit> circuit_;
  std::vector<zkml::Fp> values_;
  ThreadPool* pool_;
};

}  // namespace imo::node
