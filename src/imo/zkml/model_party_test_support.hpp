/// A model on both sides of a proof, with a prover that may lie. For tests.
#pragma once

#include "imo/base/thread_pool.hpp"
#include "imo/engine/model.hpp"
#include "imo/model/compiler.hpp"
#include "imo/model/test_support.hpp"
#include "imo/zkml/model_witness.hpp"

#include <fstream>
#include <functional>

#include <gtest/gtest.h>
#include <unistd.h>

namespace imo::zkml::test {

using model::testing::TinyShape;
inline constexpr std::string_view kModelTestProtocol = "imo.test.model";

inline engine::Model compiled(const std::filesystem::path& path) {
  auto built = model::compile_file(path);
  EXPECT_TRUE(built) << built.error().message;
  return engine::Model::from_program(std::move(built->program), built->root).value();
}

inline engine::Model tiny(const TinyShape& shape) {
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

/// Of every kind that can be proven.
inline std::vector<TinyShape> provable_shapes() {
  std::vector<TinyShape> shapes(6);
  shapes[1].layers = 3;  // not a power of two
  shapes[1].hidden = 40;
  shapes[2] = {.architecture = "qwen2", .kv_heads = 1, .tied = false, .biases = true};
  shapes[3] = {.layers = 1, .heads = 2, .kv_heads = 2};
  // Heads of 6 elements, three of them; the pairs of one are neighbours, of the other halves apart.
  shapes[4] = {.width = 18, .heads = 3, .kv_heads = 3};
  shapes[5] = {.architecture = "qwen2", .width = 18, .heads = 3, .kv_heads = 3, .biases = true};
  return shapes;
}

inline Answer answer_of(const engine::Model& model, std::vector<TokenId> prompt,
                        std::uint32_t tokens) {
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
    WhirParameters parameters;
    CommittedVector registered;
    OutOfDomain binding;
    Bytes proof;
  };

  Result<Proven> prove(const Answer& answer,
                       const std::function<void(const ModelCircuit&, CircuitValues&)>& alter = {}) {
    return prove(answer, answer, alter);
  }

  /// The run that wrote `answer`, as if it had written `claimed`, which is as long.
  Result<Proven> prove(const Answer& answer, const Answer& claimed,
                       const std::function<void(const ModelCircuit&, CircuitValues&)>& alter) {
    const auto honest = ModelCircuit::make(shape, answer);
    auto circuit = ModelCircuit::make(shape, claimed);
    // Queries instead of grinding, which would take most of the time.
    IMO_TRY(WhirParameters parameters, opening_parameters(circuit->circuit(), 0));
    IMO_TRY(std::vector<Fp> values, registered_values(model.program(), *circuit));
    CommittedVector registered(registered_code(circuit->circuit()), std::move(values), pool);
    IMO_TRY(CircuitValues witness, witness_values(model, *honest, registered.values(), pool));
    if (alter) alter(*circuit, witness);
    ProofWriter writer(kModelTestProtocol, registered.root().bytes);
    const OutOfDomain binding = binding_at(
        registered, Transcript(kModelTestProtocol, registered.root().bytes).challenge(), pool);
    prove_circuit(circuit->circuit(), parameters, registered, binding, std::move(witness), writer,
                  pool);
    return Proven{std::move(circuit), std::move(parameters), std::move(registered), binding,
                  std::move(writer).take()};
  }

  static Result<void> check(const Proven& proven) {
    ProofReader reader(kModelTestProtocol, proven.registered.root().bytes, proven.proof);
    return check_circuit(proven.circuit->circuit(), proven.parameters,
                         {proven.registered.root(), proven.binding}, reader);
  }
};

}  // namespace imo::zkml::test
