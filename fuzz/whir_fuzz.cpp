/// The verifier of commitments gives a verdict on any bytes, and never an approval but of what its
/// prover wrote.
#include "imo/base/bytes.hpp"
#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/weight.hpp"
#include "imo/zkml/whir.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using namespace imo;
using namespace imo::zkml;

constexpr std::string_view kProtocol = "imo.fuzz.whir";

/// A point that needs no transcript: what matters here is what the proof says about it.
Claim claim() {
  std::vector<Fp3> point;
  for (std::uint64_t j = 0; j < 11; ++j) point.emplace_back(j + 2);
  return Claim::at(std::move(point), {});
}

WhirParameters parameters() {
  const auto made = WhirParameters::make({11, 4}, 1);
  IMO_CHECK(made.has_value(), "parameters of the fuzzer");
  return *made;
}

Bytes honest_proof() {
  ThreadPool pool(1);
  std::vector<Fp> values(std::size_t{1} << 11);
  for (std::size_t b = 0; b < values.size(); ++b) values[b] = Fp(b * b + 7);
  const CommittedVector vector(parameters().parts()[0].code, values, pool);
  ProofWriter proof(kProtocol, {});
  proof.write(vector.root());
  const OutOfDomain binding = bind(vector, proof, pool);
  std::vector<Claim> claims{claim()};
  claims[0].value = evaluate_multilinear(values, claims[0].low, pool);
  proof.write(claims[0].value);
  open(parameters(), {vector, binding, claims}, proof, pool);
  return std::move(proof).take();
}

Result<void> verify(BytesView bytes) {
  static const WhirParameters of_all = parameters();
  ProofReader proof(kProtocol, {}, bytes);
  IMO_TRY(const Digest root, proof.read_digest());
  IMO_TRY(const OutOfDomain binding, read_binding(proof));
  std::vector<Claim> claims{claim()};
  IMO_TRY(claims[0].value, proof.read_fp3());
  IMO_TRY_VOID(check_open(of_all, {root, binding, claims}, proof));
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
