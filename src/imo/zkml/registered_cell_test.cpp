#include "imo/zkml/registered_cell.hpp"

#include "imo/zkml/model_party_test_support.hpp"
#include "imo/zkml/model_program.hpp"

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using Kind = CellSource::Kind;

/// The element that a source stands for, from the program alone.
Fp value_of(const model::Program& program, const ModelShape& shape, const CellSource& source) {
  const auto scaled = [&](std::int64_t value) {
    Fp factor(program.tensors[source.tensor].multipliers[source.row]);
    if (source.tensor + 1 != tensor_count(shape)) {
      const std::size_t matrix = (source.tensor - 1) % kMatrices;
      const std::uint32_t layer = (source.tensor - 1) / std::uint32_t{kMatrices};
      std::uint8_t most = 0;
      for (const LayerShape& each : shape.layers) {
        most = std::max(most, each.matrix_shifts.at(matrix));
      }
      factor *= Fp(std::uint64_t{1} << (most - shape.layers[layer].matrix_shifts.at(matrix)));
    }
    return Fp::from_signed(value) * factor;
  };
  switch (source.kind) {
    case Kind::kZero:
      return {};
    case Kind::kEmbedding: {
      const model::WeightTensor& tensor = program.tensors[0];
      const std::int64_t weight = tensor.row(source.row)[source.column];
      return Fp::from_signed(model::rescale(weight * tensor.multipliers[source.row],
                                            program.operators[0].shift, model::kResidualBits));
    }
    case Kind::kWeight:
      return scaled(program.tensors[source.tensor].row(source.row)[source.column]);
    case Kind::kBias:
      return scaled(program.tensors[source.tensor].bias(source.row));
    case Kind::kEntry: {
      const model::Table& table = program.tables[source.table];
      return Fp::from_signed(table.narrow.empty() ? table.wide[source.entry]
                                                  : table.narrow[source.entry]);
    }
  }
  return {};
}

TEST(RegisteredCell, EveryCellOfEveryShapeComesFromWhereItSays) {
  for (const auto& tiny_shape : test::provable_shapes()) {
    const engine::Model model = test::tiny(tiny_shape);
    const ModelShape shape = *ModelShape::of(model.program());
    const auto circuit = ModelCircuit::make(shape, {{0}, {0}});
    const auto values = registered_values(model.program(), *circuit);
    ASSERT_TRUE(values) << values.error().message;
    std::array<std::size_t, 5> kinds{};
    for (std::uint64_t cell = 0; cell < values->size(); ++cell) {
      const CellSource source = source_of(*circuit, cell);
      ++kinds.at(static_cast<std::size_t>(source.kind));
      ASSERT_EQ((*values)[cell], value_of(model.program(), shape, source)) << cell;
    }
    EXPECT_EQ(kinds[1], std::size_t{shape.vocabulary} * shape.embedding);
    EXPECT_GT(kinds[2], std::size_t{shape.vocabulary} * shape.embedding);
    EXPECT_EQ(kinds[3] != 0, shape.has_biases);
    EXPECT_EQ(kinds[4], 2 * 65536 + std::size_t{shape.context} * shape.head);
  }
}

}  // namespace
}  // namespace imo::zkml
