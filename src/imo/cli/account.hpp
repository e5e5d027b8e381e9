/// Accounts: keystores in the user's directory, and the well-known keys of development chains.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/report.hpp"
#include "imo/crypto/secp256k1.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace imo::cli {

/// The chain id on which `dev:N` accounts are allowed: anvil's default.
inline constexpr std::uint64_t kDevChainId = 31337;

/// Opens `dev:N` (anvil's key N, only on the development chain), a keystore's name in the user's
/// directory, or a path of one. The password comes from the file, else from the terminal.
Result<crypto::SecretKey> open_account(const std::string& account,
                                       const std::filesystem::path& password_file,
                                       std::uint64_t chain_id);

/// The first line of `file`, or what is typed on the terminal without echo.
Result<std::string> read_password(const std::filesystem::path& file, const std::string& prompt);

struct AccountOptions {
  std::string name;
  std::filesystem::path password_file;
  std::filesystem::path key_file;  ///< for import: a file with the key in hexadecimal
};

/// Makes a key and keeps it as a keystore.
Result<Report> account_new(const AccountOptions& options);
/// Keeps a key that exists.
Result<Report> account_import(const AccountOptions& options);
/// Names and addresses of the keystores.
Result<Report> account_list();

}  // namespace imo::cli
