/// A perceptron of two layers as a circuit: the smallest whole proof. For tests.
///
/// y = T[R(W1 x)], z = R(W2 y) for integer x, 16 inputs, 32 hidden and 8 outputs, four inputs at
/// once; R rescales by 2^12 and T is a table of 2^8 rows.
#pragma once

#include "imo/zkml/circuit.hpp"

#include <random>

namespace imo::zkml::test {

class Perceptron {
 public:
  explicit Perceptron(std::uint32_t seed);

  [[nodiscard]] const Circuit& circuit() const { return circuit_; }
  [[nodiscard]] const std::vector<Fp>& registered() const { return registered_; }
  /// The witness of a run on random inputs.
  [[nodiscard]] CircuitValues run(std::uint32_t seed) const;

  ColumnId weights1{}, weights2{}, outs{};  ///< registered
  ColumnId x{}, sum{}, y{}, z{};            ///< witness
  ColumnId count_range{}, count_table{}, count_input{};

 private:
  ColumnId column(std::string name, Source source, unsigned variables);
  void add_virtuals();
  void fill_registered(std::uint32_t seed);

  Circuit circuit_;
  std::vector<Fp> registered_;
};

}  // namespace imo::zkml::test
