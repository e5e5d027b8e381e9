#include "imo/cli/kept_key.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/paths.hpp"
#include "imo/zkml/commitment_file.hpp"

#include <iostream>

#include <fmt/format.h>

namespace imo::cli {
namespace {

using zkml::ProvingKey;

/// Makes the commitment and leaves it at `path`; where that cannot be written it is made in memory,
/// and a warning says so.
Result<KeptKey> make_key(const engine::Model& model, const std::filesystem::path& path,
                         ThreadPool& pool) {
  std::cerr << fmt::format("committing to the weights, once for this model, into {}\n",
                           path.string());
  const auto write = [&]() -> Result<void> {
    IMO_TRY_VOID(make_directories(path.parent_path()));
    return zkml::write_commitment(model, path, pool);
  };
  if (const auto written = write(); !written) {
    if (written.error().kind != ErrorKind::kIo) return tl::unexpected(written.error());
    std::cerr << fmt::format("{}; it stays in memory, for this command\n", written.error().message);
    IMO_TRY(ProvingKey key, ProvingKey::make(model, pool));
    return KeptKey{std::move(key), {}, true};
  }
  IMO_TRY(ProvingKey key, zkml::open_commitment(model, path, pool));
  return KeptKey{std::move(key), path, true};
}

}  // namespace

Result<KeptKey> open_key(const engine::Model& model, ThreadPool& pool) {
  IMO_TRY(const Directories kept, directories());
  const auto path = kept.cache / "commitments" / (to_hex(model.root()).substr(2) + ".commitment");
  if (auto key = zkml::open_commitment(model, path, pool)) {
    return KeptKey{std::move(key).value(), path, false};
  } else if (key.error().kind != ErrorKind::kNotFound) {
    std::cerr << fmt::format("{}; it is made anew\n", key.error().message);
  }
  return make_key(model, path, pool);
}

Result<zkml::ModelProof> prove_and_check(const engine::Model& model, KeptKey& kept,
                                         const zkml::Statement& statement, ThreadPool& pool) {
  IMO_TRY(zkml::ModelProof proof, zkml::prove_answer(model, kept.key, statement, pool));
  const auto checked = zkml::check_answer(kept.key.verifying_key(), statement, proof.bytes);
  if (checked) return proof;
  if (kept.is_new) return tl::unexpected(checked.error());
  std::cerr << fmt::format("'{}' is damaged: a proof made with it is refused; it is made anew\n",
                           kept.path.string());
  IMO_TRY(kept, make_key(model, kept.path, pool));
  return prove_and_check(model, kept, statement, pool);
}

}  // namespace imo::cli
