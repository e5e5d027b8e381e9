/// The commitment to a model's weights, made once and kept in a folder.
#pragma once

#include "imo/base/result.hpp"
#include "imo/zkml/model_proof.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace imo::node {

struct KeptKey {
  zkml::ProvingKey key;
  std::filesystem::path path;  ///< empty where it could not be kept
  bool is_new = false;
};

/// Where commitments are kept, and who is told when one is made, which takes its time.
struct KeyFolder {
  std::filesystem::path path;
  std::function<void(const std::string&)> say;

  /// The commitment that was left in the folder, or a new one.
  [[nodiscard]] Result<KeptKey> open(const engine::Model& model, ThreadPool& pool) const;

  /// Proves, and checks the proof: what a kept commitment is damaged in shows there, and it is made
  /// anew.
  [[nodiscard]] Result<zkml::ModelProof> prove_and_check(const engine::Model& model, KeptKey& kept,
                                                         const zkml::Statement& statement,
                                                         ThreadPool& pool) const;

 private:
  [[nodiscard]] std::filesystem::path path_of(const engine::Model& model) const;
  [[nodiscard]] Result<KeptKey> make(const engine::Model& model, ThreadPool& pool) const;
};

}  // namespace imo::node
