/// What a commitment costs: time to commit, to open 16 claims, to verify; bytes of the proof.
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/test_support.hpp"
#include "imo/zkml/weight.hpp"
#include "imo/zkml/whir.hpp"

#include <memory>

#include <benchmark/benchmark.h>

namespace imo::zkml {
namespace {

constexpr std::string_view kProtocol = "imo.bench.whir";
constexpr std::size_t kClaims = 16;

/// The code behind the first folds falls to a quarter of the first one.
WhirParameters parameters_of(const WhirCommitment& commitment) {
  return *WhirParameters::make({&commitment, 1}, commitment.code.log_inverse_rate + 2);
}

struct Setting {
  ThreadPool pool;
  WhirParameters parameters;
  std::vector<Fp> values;
  std::vector<Claim> claims;

  Setting(unsigned variables, unsigned rate)
      : parameters(parameters_of({{variables, rate}, std::uint64_t{1} << variables})) {
    std::mt19937_64 random(variables);
    values = test::random_values(random, std::size_t{1} << variables);
    for (std::size_t i = 0; i < kClaims; ++i) {
      const std::vector<Fp3> point = test::random_point(random, variables);
      claims.push_back(Claim::at(point, evaluate_multilinear(values, point, pool)));
    }
  }

  CommittedVector commit() { return {parameters.parts()[0].code, values, pool}; }

  Bytes prove(const CommittedVector& vector) {
    ProofWriter proof(kProtocol, {});
    const OutOfDomain binding = bind(vector, proof, pool);
    const Opened opened{vector, binding, claims};
    open(parameters, {&opened, 1}, proof, pool);
    return std::move(proof).take();
  }
};

Setting setting_of(const benchmark::State& state) {
  return {static_cast<unsigned>(state.range(0)), static_cast<unsigned>(state.range(1))};
}

void commit(benchmark::State& state) {
  Setting setting = setting_of(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(setting.commit().root());
  }
}

void open_claims(benchmark::State& state) {
  Setting setting = setting_of(state);
  const CommittedVector vector = setting.commit();
  for (auto _ : state) benchmark::DoNotOptimize(setting.prove(vector));
}

void verify(benchmark::State& state) {
  Setting setting = setting_of(state);
  const CommittedVector vector = setting.commit();
  const Bytes proof = setting.prove(vector);
  for (auto _ : state) {
    ProofReader reader(kProtocol, {}, proof);
    const auto binding = read_binding(reader);
    const Claimed claimed{vector.root(), *binding, setting.claims};
    if (!check_open(setting.parameters, {&claimed, 1}, reader)) {
      state.SkipWithError("an honest proof is refused");
      break;
    }
  }
  state.counters["proof_bytes"] = static_cast<double>(proof.size());
}

void sizes(benchmark::internal::Benchmark* each) {
  for (const int rate : {3, 4}) {
    for (const int variables : {16, 18, 20, 22}) each->Args({variables, rate});
  }
  each->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK(commit)->Apply(sizes);
BENCHMARK(open_claims)->Apply(sizes);
BENCHMARK(verify)->Apply(sizes);

void multiply(benchmark::State& state) {
  std::mt19937_64 random(1);
  Fp a = test::random_fp(random);
  const Fp b = test::random_fp(random);
  for (auto _ : state) benchmark::DoNotOptimize(a = a * b);
}
BENCHMARK(multiply);

void multiply_extension(benchmark::State& state) {
  std::mt19937_64 random(1);
  Fp3 a = test::random_fp3(random);
  const Fp3 b = test::random_fp3(random);
  for (auto _ : state) benchmark::DoNotOptimize(a = a * b);
}
BENCHMARK(multiply_extension);

}  // namespace
}  // namespace imo::zkml

BENCHMARK_MAIN();
