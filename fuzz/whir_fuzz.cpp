/// The verifier of commitments gives a verdict on any bytes, and never an approval but of what its
/// prover wrote.
#include "imo/base/bytes.hpp"
#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/weight.hpp"
#include "imo/zkml/whir.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using namespace imo;
using namespace imo::zkml;

constexpr std::string_view kProtocol = "imo.fuzz.whir";

/// The second one lies in the first one's zeros.
constexpr std::array<WhirCommitment, 2> kCommitments{{{{11, 4}, 1024}, {{8, 3}, 256}}};

/// At points that need no transcript: what matters here is what the proof says about them.
std::array<std::vector<Claim>, 2> claims() {
  std::array<std::vector<Claim>, 2> claims;
  for (std::size_t p = 0; p < claims.size(); ++p) {
    std::vector<Fp3> point;
    for (std::uint64_t j = 0; j < (p == 0 ? 10 : 8); ++j) point.emplace_back(j + 2 + p);
    claims[p].push_back(Claim::at(std::move(point), {}));
  }
  return claims;
}

WhirParameters parameters() {
  const auto made = WhirParameters::make(kCommitments, 4, 1);
  IMO_CHECK(made.has_value(), "parameters of the fuzzer");
  return *made;
}

Bytes honest_proof() {
  ThreadPool pool(1);
  ProofWriter proof(kProtocol, {});
  std::vector<CommittedVector> vectors;
  std::vector<OutOfDomain> bindings;
  for (const auto& [code, stored] : kCommitments) {
    std::vector<Fp> values(std::size_t{1} << code.variables);
    for (std::size_t b = 0; b < stored; ++b) values[b] = Fp(b * b + 7);
    vectors.emplace_back(code, std::move(values), pool);
    proof.write(vectors.back().root());
    bindings.push_back(bind(vectors.back(), proof, pool));
  }
  auto all = claims();
  std::vector<Opened> opened;
  for (std::size_t p = 0; p < all.size(); ++p) {
    Claim& claim = all[p][0];
    const std::size_t size = std::size_t{1} << claim.low.size();
    claim.value = evaluate_multilinear(vectors[p].values().first(size), claim.low, pool);
    proof.write(claim.value);
    opened.push_back({vectors[p], bindings[p], all[p]});
  }
  open(parameters(), opened, proof, pool);
  return std::move(proof).take();
}

Result<void> verify(BytesView bytes) {
  static const WhirParameters of_all = parameters();
  ProofReader proof(kProtocol, {}, bytes);
  auto all = claims();
  std::vector<Claimed> claimed;
  for (const std::vector<Claim>& some : all) {
    IMO_TRY(const Digest root, proof.read_digest());
    IMO_TRY(const OutOfDomain binding, read_binding(proof));
    claimed.push_back({root, binding, some});
  }
  for (std::vector<Claim>& some : all) {
    IMO_TRY(some[0].value, proof.read_fp3());
  }
  IMO_TRY_VOID(check_open(of_all, claimed, proof));
  return proof.finish();
}

}  // namespace

/// The first two bytes say where the rest is laid over the honest proof, so that the fuzzer gets
/// behind the first hash without having to find one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Bytes honest = honest_proof();
  if (size < 2) {
    IMO_CHECK(verify(honest).has_value(), "the honest proof is refused");
    return 0;
  }
  Bytes changed = honest;
  const std::size_t place = (std::size_t{data[0]} << 8 | data[1]) % (honest.size() + 1);
  const BytesView rest(data + 2, size - 2);
  changed.resize(std::max(changed.size(), place + rest.size()));
  std::ranges::copy(rest, changed.begin() + static_cast<std::ptrdiff_t>(place));
  IMO_CHECK(verify(changed).has_value() == (changed == honest), "another proof is accepted");
  (void)verify(rest);
  return 0;
}
