// Keccak-256 per digest: one at a time (scalar), four (AVX2 where there is one) and eight
// (AVX-512). Build and run: ninja -C build/release imo_keccak_bench &&
// build/release/imo_keccak_bench
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

void many(benchmark::State& state) {
  Bytes message(static_cast<std::size_t>(state.range(0)), 0x5a);
  std::vector<Hash32> digests(static_cast<std::size_t>(state.range(1)));
  for ([[maybe_unused]] const auto step : state) {
    const std::vector<BytesView> messages(digests.size(), message);
    keccak256_many(messages, digests);
    message[0] = digests.back().bytes[0];
  }
  state.SetItemsProcessed(state.iterations() * state.range(1));
}

void rows(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  std::vector<Hash32> digests(kHashesAtOnce);
  std::vector<std::uint64_t> words(size * digests.size(), 0x5a);
  for ([[maybe_unused]] const auto step : state) {
    keccak256_rows(words, size, digests);
    words[0] = digests.back().bytes[0];
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(digests.size()));
}

// A Merkle node without and with its prefix, a row of the proof's codes, and a leaf of 1 KiB.
BENCHMARK(one)->Arg(64)->Arg(65)->Arg(128)->Arg(1025);
BENCHMARK(many)->ArgsProduct({{64, 65, 128, 1025}, {4, 8}});
// Rows of codes over the field and over its extension.
BENCHMARK(rows)->Arg(16)->Arg(48);

}  // namespace
}  // namespace imo::crypto

BENCHMARK_MAIN();
