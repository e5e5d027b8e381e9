/// The commitment to a model's weights, made once and kept in the cache.
#pragma once

#include "imo/base/result.hpp"
#include "imo/zkml/model_proof.hpp"

#include <filesystem>

namespace imo::cli {

struct KeptKey {
  zkml::ProvingKey key;
  std::filesystem::path path;  ///< empty where it could not be kept
  bool is_new = false;
};

/// The commitment that an earlier command left in the cache, or a new one; says on standard error
/// when it makes one.
Result<KeptKey> open_key(const engine::Model& model, ThreadPool& pool);

/// Proves, and checks the proof: what a kept commitment is damaged in shows there, and it is made
/// anew.
Result<zkml::ModelProof> prove_and_check(const engine::Model& model, KeptKey& kept,
                                         const zkml::Statement& statement, ThreadPool& pool);

}  // namespace imo::cli
