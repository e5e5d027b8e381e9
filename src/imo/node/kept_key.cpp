#include "imo/node/kept_key.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/zkml/commitment_file.hpp"

#include <fmt/format.h>

namespace imo::node {

using zkml::ProvingKey;

std::filesystem::path KeyFolder::path_of(const engine::Model& model) const {
  return path / (to_hex(model.root()).substr(2) + ".commitment");
}

/// Leaves the commitment in the folder; where that cannot be written it is made in memory.
Result<KeptKey> KeyFolder::make(const engine::Model& model, ThreadPool& pool) const {
  const auto file = path_of(model);
  say(fmt::format("committing to the weights, once for this model, into {}", file.string()));
  const auto write = [&]() -> Result<void> {
    IMO_TRY_VOID(make_directories(path));
    return zkml::write_commitment(model, file, pool);
  };
  if (const auto written = write(); !written) {
    if (written.error().kind != ErrorKind::kIo) return tl::unexpected(written.error());
    say(fmt::format("{}; it stays in memory, for this once", written.error().message));
    IMO_TRY(ProvingKey key, ProvingKey::make(model, pool));
    return KeptKey{std::move(key), {}, true};
  }
  IMO_TRY(ProvingKey key, zkml::open_commitment(model, file, pool));
  return KeptKey{std::move(key), file, true};
}

Result<KeptKey> KeyFolder::open(const engine::Model& model, ThreadPool& pool) const {
  const auto file = path_of(model);
  if (auto key = zkml::open_commitment(model, file, pool)) {
    return KeptKey{std::move(key).value(), file, false};
  } else if (key.error().kind != ErrorKind::kNotFound) {
    say(fmt::format("{}; it is made anew", key.error().message));
  }
  return make(model, pool);
}

Result<zkml::ModelProof> KeyFolder::prove_and_check(const engine::Model& model, KeptKey& kept,
                                                    const zkml::Statement& statement,
                                                    ThreadPool& pool) const {
  IMO_TRY(zkml::ModelProof proof, zkml::prove_answer(model, kept.key, statement, pool));
  const auto checked = zkml::check_answer(kept.key.verifying_key(), statement, proof.bytes);
  if (checked) return proof;
  if (kept.is_new) return tl::unexpected(checked.error());
  say(fmt::format("'{}' is damaged: a proof made with it is refused; it is made anew",
                  kept.path.string()));
  IMO_TRY(kept, make(model, pool));
  return prove_and_check(model, kept, statement, pool);
}

}  // namespace imo::node
