/// What a prover commits to: the registered model, and the witness of one run.
#pragma once

#include "imo/engine/model.hpp"
#include "imo/zkml/model_circuit.hpp"

#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::zkml {

/// The vector that registers a model: rows times their multipliers, tables and embedding, each
/// where the circuit has its column. Fails, naming the tensor and row, where a row's sum could
/// leave the circuit's equations.
Result<std::vector<Fp>> registered_values(const model::Program& program,
                                          const ModelCircuit& circuit);

/// Runs the model over the circuit's answer and fills in the witness. `registered` is borrowed.
/// Fails when the model would choose another token, naming the first, and when the run saturates
/// somewhere and so cannot be proven.
Result<CircuitValues> witness_values(const engine::Model& model, const ModelCircuit& circuit,
                                     std::span<const Fp> registered, ThreadPool& pool);

}  // namespace imo::zkml
