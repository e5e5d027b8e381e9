#include "imo/zkml/proof_cost.hpp"

#include "imo/base/large_vector.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/zkml/kernels.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace imo::zkml {
namespace {

// Products that a part of the work takes, for each cell of what it goes through, memory and all:
// the stages that `imo bench prove` prints for models of 0.9M to 134M parameters, less their
// hashes, over the rate that measure_rates gives on the same machine (2 Zen 5 cores).
constexpr std::uint64_t kOfMessage = 10;    ///< an element of a vector that is opened: first folds
constexpr std::uint64_t kOfCode = 2;        ///< an element of F_p of the witness's code
constexpr std::uint64_t kOfFoldedCode = 7;  ///< an element of F of a later code
constexpr std::uint64_t kOfLeaf = 24;       ///< a leaf of the sum of fractions, all its levels
constexpr std::uint64_t kOfFactor = 20;     ///< a cell of a factor of a sum of products
constexpr std::uint64_t kOfVirtual = 50;    ///< a cell of a virtual vector: the run that makes it
constexpr std::uint64_t kOfRegistered =
    6;  ///< an element of the code of the weights, made and kept

// Gas is fitted to what `imo bench prove` measures on anvil for models of 0.9M to 134M parameters
// and answers of 2 to 28 tokens, proofs of 98 to 179 KB, and lies 1 to 6 % above it (more of toy
// models), because what does not fit a transaction is refused by it. Circuits differ little in
// what the contracts do for their columns and terms; nearly all else goes with the bytes: reading,
// hashing and folding them. To fit it again, `imo bench prove MODEL --tokens N --json` has `gas`
// beside `estimate.gas`; a contract that got cheaper everywhere is one new kGasOfCircuit.
// ProofCost.GasIsNearWhatIsMeasured and GasOfTheDemoModel fail when the contracts have left it
// behind.
constexpr std::uint64_t kGasOfCircuit = 2'500'000;
constexpr std::uint64_t kGasOfByte = 47;
constexpr std::uint64_t kGasOfOutputToken = 6'000;

/// Leaves and nodes of the tree over a code whose rows take so many permutations.
std::uint64_t tree_hashes(const WhirCode& code, std::uint64_t of_row) {
  return (of_row + 1) << code.log_rows();
}

std::uint64_t code_elements(const WhirCode& code) {
  return std::uint64_t{WhirParameters::kRowSize} << code.log_rows();
}

void add_opening(const WhirParameters& parameters, ProofWork& work) {
  work.hashes += (parameters.rounds().size() + 1) << parameters.grinding();
  for (const WhirPart& part : parameters.parts()) {
    work.products += kOfMessage << part.code.variables;
  }
  for (const WhirPart& round : parameters.rounds()) {
    work.hashes += tree_hashes(round.code, 3);
    work.products += kOfFoldedCode * code_elements(round.code);
  }
}

/// Cells of all factors of all sums of products.
std::uint64_t factor_cells(const Circuit& circuit) {
  std::uint64_t cells = 0;
  const auto add = [&](const auto& vector) {
    const std::vector<Fp3> anywhere(vector.variables);
    for (const Term& term : vector.at(anywhere).terms) {
      cells += (term.forms.size() + term.known.size()) << term.variables;
    }
  };
  std::ranges::for_each(circuit.virtuals, add);
  std::ranges::for_each(circuit.checks, add);
  return cells;
}

/// The least of some measurements of `body`, over `items`: what others do meanwhile only adds.
template <typename Body>
std::uint64_t picoseconds_of_item(std::size_t items, Body body) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t kTimes = 25;
  std::uint64_t least = UINT64_MAX;
  for (std::size_t i = 0; i < kTimes; ++i) {
    const auto start = Clock::now();
    body();
    const std::chrono::nanoseconds passed = Clock::now() - start;
    least = std::min(least, static_cast<std::uint64_t>(passed.count()) * 1000 / items);
  }
  return std::max<std::uint64_t>(least, 1);
}

}  // namespace

ProofWork proving_work(const Circuit& circuit, const WhirParameters& parameters) {
  ProofWork work;
  const WhirCode code = witness_code(circuit);
  work.hashes += tree_hashes(code, 1);
  work.products += kOfCode * code_elements(code);
  for (const Segment& segment : segments_of(circuit)) {
    work.products += kOfLeaf << segment.variables;
  }
  for (const Virtual& vector : circuit.virtuals) work.products += kOfVirtual << vector.variables;
  work.products += kOfFactor * factor_cells(circuit);
  add_opening(parameters, work);
  return work;
}

ProofWork registering_work(const Circuit& circuit) {
  const WhirCode code = registered_code(circuit);
  return {tree_hashes(code, 1), kOfRegistered * code_elements(code)};
}

std::chrono::milliseconds ProverRates::time_of(const ProofWork& work) const {
  constexpr std::uint64_t kPicosecondsOfMicrosecond = 1'000'000;
  // Whole microseconds of every million first: picoseconds of a large proof are more than 64 bits.
  const auto micros = [](std::uint64_t count, std::uint64_t picoseconds) {
    return count / kPicosecondsOfMicrosecond * picoseconds +
           count % kPicosecondsOfMicrosecond * picoseconds / kPicosecondsOfMicrosecond;
  };
  return std::chrono::milliseconds(
      (micros(work.hashes, picoseconds_per_hash) + micros(work.products, picoseconds_per_product)) /
      1000);
}

ProverRates measure_rates(ThreadPool& pool) {
  constexpr std::size_t kHashes = std::size_t{1} << 14;
  constexpr std::size_t kPairs = std::size_t{1} << 17;
  ProverRates rates;
  std::vector<Hash32> digests(kHashes);
  rates.picoseconds_per_hash = picoseconds_of_item(kHashes, [&] {
    pool.parallel_ranges(kHashes / crypto::kHashesAtOnce, [&](std::size_t begin, std::size_t end) {
      const std::array<std::uint8_t, 2 * Digest::kSize> message{};
      std::array<BytesView, crypto::kHashesAtOnce> views;
      views.fill(message);
      for (std::size_t i = begin; i < end; ++i) {
        crypto::keccak256_many(views, std::span(digests).subspan(i * views.size(), views.size()));
      }
    });
  });
  const std::vector<Fp3> pairs(2 * kPairs, Fp3(5));
  std::vector<Fp3> folded(kPairs);
  const Fp3 r(7);
  rates.picoseconds_per_product = picoseconds_of_item(kPairs, [&] {
    pool.parallel_ranges(kPairs, [&](std::size_t begin, std::size_t end) {
      field_kernels().fold_pairs(words_of(&pairs[2 * begin]), end - begin, words_of(&r),
                                 words_of(&folded[begin]));
    });
  });
  return rates;
}

std::uint64_t verification_gas(std::uint64_t proof_bytes, std::uint64_t output_tokens) {
  return kGasOfCircuit + kGasOfByte * proof_bytes + kGasOfOutputToken * output_tokens;
}

}  // namespace imo::zkml
