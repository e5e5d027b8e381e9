#include "imo/base/thread_pool.hpp"
#include "imo/engine/model.hpp"
#include "imo/model/compiler.hpp"
#include "imo/model/test_support.hpp"
#include "imo/zkml/model_witness.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace imo::zkml {
namespace {

using model::testing::TinyShape;
constexpr std::string_view kProtocol = "imo.test.model";

engine::Model compiled(const std::filesystem::path& path) {
  auto built = model::compile_file(path);
  EXPECT_TRUE(built) << built.error().message;
  return engine::Model::from_program(std::move(built->program), built->root).value();
}

engine::Model tiny(const TinyShape& shape) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("imo-zkml-" + std::to_string(::getpid()) + "-" + std::to_string(shape.seed));
  const Bytes bytes = model::testing::tiny_model(shape);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  engine::Model model = compiled(path);
  std::filesystem::remove(path);
  return model;
}

Answer answer_of(const engine::Model& model, std::vector<TokenId> prompt, std::uint32_t tokens) {
  auto generated = model.generate(prompt, tokens);
  EXPECT_TRUE(generated) << generated.error().message;
  return {std::move(prompt), generated->tokens};
}

/// A model on both sides of a proof.
struct Party {
  engine::Model model;
  ModelShape shape;
  ThreadPool pool{2};

  explicit Party(engine::Model m) : model(std::move(m)), shape(*ModelShape::of(model.program())) {}

  struct Proven {
    std::unique_ptr<const ModelCircuit> circuit;
    CircuitParameters parameters;
    CommittedVector registered;
    Bytes proof;
  };

  Result<Proven> prove(const Answer& answer,
                       const std::function<void(const ModelCircuit&, CircuitValues&)>& alter = {}) {
    auto circuit = ModelCircuit::make(shape, answer);
    IMO_TRY(CircuitParameters parameters, CircuitParameters::make(circuit->circuit()));
    IMO_TRY(std::vector<Fp> values, registered_values(model.program(), *circuit));
    CommittedVector registered(parameters.registered, std::move(values), pool);
    IMO_TRY(CircuitValues witness, witness_values(model, *circuit, registered.values(), pool));
    if (alter) alter(*circuit, witness);
    ProofWriter writer(kProtocol, registered.root().bytes);
    prove_circuit(circuit->circuit(), parameters, registered, std::move(witness), writer, pool);
    return Proven{std::move(circuit), std::move(parameters), std::move(registered),
                  std::move(writer).take()};
  }

  static Result<void> check(const Proven& proven) {
    ProofReader reader(kProtocol, proven.registered.root().bytes, proven.proof);
    return check_circuit(proven.circuit->circuit(), proven.parameters, proven.registered.root(),
                         reader);
  }
};

TEST(ModelCircuit, OfTinyModelsIsProven) {
  std::vector<TinyShape> shapes(4);
  shapes[1].layers = 3;  // not a power of two
  shapes[1].hidden = 40;
  shapes[2] = {.architecture = "qwen2", .kv_heads = 1, .tied = false, .biases = true};
  shapes[3] = {.layers = 1, .heads = 2, .kv_heads = 2};
  for (std::uint32_t i = 0; i < shapes.size(); ++i) {
    shapes[i].seed = i + 1;
    Party party(tiny(shapes[i]));
    const Answer answer = answer_of(party.model, {1, 70, 80, 90, 100}, 1 + 3 * i);
    const auto proven = party.prove(answer);
    ASSERT_TRUE(proven) << i << ": " << proven.error().message;
    const auto checked = Party::check(*proven);
    EXPECT_TRUE(checked) << i << ": " << checked.error().message;
  }
}

TEST(ModelCircuit, OfTheDemoModelIsProven) {
  Party party(compiled(std::filesystem::path(IMO_SOURCE_DIR) / "models/demo/imo-demo.gguf"));
  const Answer answer = answer_of(party.model, {1, 300, 301, 302}, 8);
  const auto proven = party.prove(answer);
  ASSERT_TRUE(proven) << proven.error().message;
  const auto checked = Party::check(*proven);
  EXPECT_TRUE(checked) << checked.error().message;
}

}  // namespace
}  // namespace imo::zkml
