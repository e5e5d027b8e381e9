// Keccak-256 per digest: one at a time (scalar) and four at a time (AVX2 where there is one).
// Build and run: ninja -C build/release imo_keccak_bench && build/release/imo_keccak_bench
#include "imo/crypto/keccak.hpp"

#include <benchmark/benchmark.h>

namespace imo::crypto {
namespace {

void one(benchmark::State& state) {
  Bytes message(static_cast<std::size_t>(state.range(0)), 0x5a);
  for ([[maybe_unused]] const auto step : state) {
    const Hash32 digest = keccak256(message);
    message[0] = digest.bytes[0];
  }
  state.SetItemsProcessed(state.iterations());
}

void four(benchmark::State& state) {
  Bytes message(static_cast<std::size_t>(state.range(0)), 0x5a);
  for ([[maybe_unused]] const auto step : state) {
    const auto digests = keccak256_x4({message, message, message, message});
    message[0] = digests[3].bytes[0];
  }
  state.SetItemsProcessed(4 * state.iterations());
}

// A Merkle node without and with its prefix, and a leaf of 1 KiB.
BENCHMARK(one)->Arg(64)->Arg(65)->Arg(1025);
BENCHMARK(four)->Arg(64)->Arg(65)->Arg(1025);

}  // namespace
}  // namespace imo::crypto

BENCHMARK_MAIN();
