/// Where the contracts of one deployment of imo live on one chain.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace imo::market {

/// Every program that talks to the contracts takes one of these; nothing else names an address.
struct Deployment {
  std::uint64_t chain_id = 0;
  Address model_registry;
  Address offering_factory;
  Address splitter_factory;
  Address operator_registry;
  Address oracle;
  Address content_token;
  Address step_verifier;
  Address dispute_game;
  Address model_verifier;
  Address proof_registry;
  std::uint64_t deploy_block = 0;  ///< no log of these contracts is older

  /// From JSON with the member names above; every member must be there, addresses nonzero.
  static Result<Deployment> parse(std::string_view json);
  static Result<Deployment> load(const std::filesystem::path& file);

  [[nodiscard]] std::string to_json() const;
  /// Written whole or not at all (a temporary file, then a rename).
  [[nodiscard]] Result<void> save(const std::filesystem::path& file) const;

  friend bool operator==(const Deployment&, const Deployment&) = default;
};

}  // namespace imo::market
