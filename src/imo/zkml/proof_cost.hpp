/// What a proof costs its prover in time and its verifier in gas, counted before the work is done.
///
/// The constants are in proof_cost.cpp. `imo bench prove` prints what they give beside what it
/// measures, which is how they are measured again.
#pragma once

#include "imo/zkml/circuit.hpp"

#include <chrono>
#include <cstdint>

namespace imo {
class ThreadPool;
}

namespace imo::zkml {

/// The prover's work, in the two things that its time goes to.
struct ProofWork {
  std::uint64_t hashes = 0;    ///< permutations of Keccak; grinding as many as it takes on average
  std::uint64_t products = 0;  ///< multiplications in F, and what takes as long as so many

  friend bool operator==(const ProofWork&, const ProofWork&) = default;
};

/// Of one proof, the commitment to the weights being there.
ProofWork proving_work(const Circuit& circuit, const WhirParameters& parameters);
/// Of that commitment, which the first proof of a model makes.
ProofWork registering_work(const Circuit& circuit);

/// How long a machine takes for it, with all threads of a pool.
struct ProverRates {
  std::uint64_t picoseconds_per_hash = 0;
  std::uint64_t picoseconds_per_product = 0;

  /// Within about a third of what is measured where nothing else runs: the luck of grinding alone
  /// is a quarter.
  [[nodiscard]] std::chrono::milliseconds time_of(const ProofWork& work) const;
};

/// Measured by doing a little of both, in some 60 ms. What else the machine does makes proofs take
/// longer.
ProverRates measure_rates(ThreadPool& pool);

/// Gas of a transaction in which ModelVerifier accepts a proof: no less than what is measured.
std::uint64_t verification_gas(std::uint64_t proof_bytes, std::uint64_t output_tokens);

}  // namespace imo::zkml
