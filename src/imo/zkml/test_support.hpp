/// Random field elements for tests, from seeds that the tests name.
#pragma once

#include "imo/zkml/field.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace imo::zkml::test {

inline Fp random_fp(std::mt19937_64& random) {
  return Fp(random());
}

inline Fp3 random_fp3(std::mt19937_64& random) {
  const Fp a0 = random_fp(random);
  const Fp a1 = random_fp(random);
  return {a0, a1, random_fp(random)};
}

inline std::vector<Fp> random_values(std::mt19937_64& random, std::size_t count) {
  std::vector<Fp> values(count);
  for (Fp& value : values) value = random_fp(random);
  return values;
}

inline std::vector<Fp3> random_point(std::mt19937_64& random, std::size_t count) {
  std::vector<Fp3> point(count);
  for (Fp3& coordinate : point) coordinate = random_fp3(random);
  return point;
}

}  // namespace imo::zkml::test
