#include "imo/zkml/perceptron_test_support.hpp"

namespace imo::zkml::test {
namespace {

constexpr unsigned kInputs = 4;   // bits: 16
constexpr unsigned kHidden = 5;   // 32
constexpr unsigned kOutputs = 3;  // 8
constexpr unsigned kBatch = 2;    // 4
constexpr unsigned kShift = 12;
constexpr unsigned kTable = 8;
constexpr std::int64_t kHalf = 1 << (kShift - 1);

Coordinate fixed(const Fp3& value) {
  return {Coordinate::kFixed, value};
}

/// sum_j W[j][row] X[j][batch]
Term product(ColumnId weights, ColumnId inputs, unsigned bits, std::span<const Fp3> row,
             std::span<const Fp3> batch) {
  LinearForm w{{{weights, Fp3(1)}}, {}, {}};
  LinearForm x{{{inputs, Fp3(1)}}, {}, {}};
  for (unsigned j = 0; j < bits; ++j) {
    w.coordinates.push_back({j, {}});
    x.coordinates.push_back({j, {}});
  }
  for (const Fp3& r : row) w.coordinates.push_back(fixed(r));
  for (const Fp3& r : batch) x.coordinates.push_back(fixed(r));
  return {bits, Fp3(1), {w, x}, {}};
}

}  // namespace

Perceptron::Perceptron(std::uint32_t seed) {
  weights1 = column("weights1", Source::kRegistered, kInputs + kHidden);
  weights2 = column("weights2", Source::kRegistered, kHidden + kOutputs);
  outs = column("outs", Source::kRegistered, kTable);
  x = column("x", Source::kWitness, kInputs + kBatch);
  sum = column("sum", Source::kWitness, kHidden + kBatch);
  y = column("y", Source::kWitness, kHidden + kBatch);
  z = column("z", Source::kWitness, kOutputs + kBatch);
  count_range = column("counts of remainders", Source::kWitness, kShift);
  count_table = column("counts of T", Source::kWitness, kTable);
  count_input = column("counts of signed", Source::kWitness, kTable);
  circuit_.tables = {{"remainders", 1, kShift, Table::Inputs::kIndex, {}, count_range},
                     {"T", 2, kTable, Table::Inputs::kSigned, outs, count_table},
                     {"signed", 3, kTable, Table::Inputs::kSigned, {}, count_input}};
  add_virtuals();
  const Box hidden{{{kHidden, 32}, {kBatch, 4}}, false};
  const Box outputs{{{kOutputs, 8}, {kBatch, 4}}, false};
  const Box inputs{{{kInputs, 16}, {kBatch, 4}}, false};
  circuit_.lookups = {{"x", 2, {false, x}, 0, {}, inputs},
                      {"sum to y", 1, {false, sum}, 0, Operand{false, y}, hidden},
                      {"remainder 1", 0, {true, 0}, 0, {}, hidden},
                      {"z", 2, {false, z}, 0, {}, outputs},
                      {"remainder 2", 0, {true, 1}, 0, {}, outputs}};
  place_columns(circuit_);
  fill_registered(seed);
}

ColumnId Perceptron::column(std::string name, Source source, unsigned variables) {
  circuit_.columns.push_back({std::move(name), source, variables, 0});
  return static_cast<ColumnId>(circuit_.columns.size() - 1);
}

void Perceptron::add_virtuals() {
  const auto remainder = [](ColumnId weights, ColumnId from, ColumnId to, unsigned bits,
                            unsigned rows) {
    return [=](std::span<const Fp3> point) {
      Sum value;
      value.constant = Fp3(Fp::from_signed(kHalf));
      value.direct.push_back({to, {point.begin(), point.end()}, -Fp3(std::uint64_t{1} << kShift)});
      value.terms.push_back(product(weights, from, bits, point.first(rows), point.subspan(rows)));
      return value;
    };
  };
  circuit_.virtuals = {
      {"remainder 1", kHidden + kBatch, remainder(weights1, x, sum, kInputs, kHidden)},
      {"remainder 2", kOutputs + kBatch, remainder(weights2, y, z, kHidden, kOutputs)}};
}

void Perceptron::fill_registered(std::uint32_t seed) {
  std::mt19937 random(seed);
  registered_.resize(std::size_t{1} << circuit_.registered_variables);
  const auto fill = [&](ColumnId id, std::uint32_t range) {
    const Column& c = circuit_.columns[id];
    for (std::size_t i = 0; i < std::size_t{1} << c.variables; ++i) {
      const auto value = static_cast<std::int64_t>(random() % (2 * range + 1)) - range;
      registered_[c.offset + i] = Fp::from_signed(value);
    }
  };
  fill(weights1, 127);
  fill(weights2, 127);
  fill(outs, 100);
  registered_[circuit_.columns[outs].offset] = registered_[circuit_.columns[outs].offset + 128];
}

CircuitValues Perceptron::run(std::uint32_t seed) const {
  std::mt19937 random(seed);
  CircuitValues values;
  values.witness.resize(std::size_t{1} << circuit_.witness_variables);
  values.registered = registered_;
  const auto at = [&](ColumnId id) { return &values.witness[circuit_.columns[id].offset]; };
  for (unsigned i = 0; i < 1U << (kInputs + kBatch); ++i) {
    at(x)[i] = Fp::from_signed(static_cast<std::int64_t>(random() % 201) - 100);
  }
  const auto layer = [&](ColumnId weights, ColumnId from, ColumnId to, unsigned bits,
                         unsigned rows) {
    std::vector<Fp> remainders;
    for (unsigned b = 0; b < 1U << kBatch; ++b) {
      for (unsigned i = 0; i < 1U << rows; ++i) {
        Fp acc;
        for (unsigned j = 0; j < 1U << bits; ++j) {
          acc += registered_[circuit_.columns[weights].offset + (i << bits) + j] *
                 at(from)[(b << bits) + j];
        }
        // Signed again: |acc| is far below p / 2.
        const auto half_p = Fp::kModulus / 2;
        const std::int64_t plain = acc.value() > half_p ? -static_cast<std::int64_t>((-acc).value())
                                                        : static_cast<std::int64_t>(acc.value());
        const std::int64_t rounded = (plain + kHalf) >> kShift;
        at(to)[(b << rows) + i] = Fp::from_signed(rounded);
        remainders.push_back(
            Fp::from_signed(plain + kHalf - rounded * (std::int64_t{1} << kShift)));
      }
    }
    return remainders;
  };
  values.virtuals.push_back(layer(weights1, x, sum, kInputs, kHidden));
  for (unsigned i = 0; i < 1U << (kHidden + kBatch); ++i) {
    const Fp row = at(sum)[i] + Fp(128);
    at(y)[i] = registered_[circuit_.columns[outs].offset + row.value()];
  }
  values.virtuals.push_back(layer(weights2, y, z, kHidden, kOutputs));
  return values;
}

}  // namespace imo::zkml::test
