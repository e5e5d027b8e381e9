#include "imo/cli/account.hpp"

#include "imo/base/file.hpp"
#include "imo/base/paths.hpp"
#include "imo/crypto/keystore.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/anvil.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>

#include <fmt/core.h>
#include <termios.h>
#include <unistd.h>

namespace imo::cli {

namespace {

constexpr std::string_view kDevPrefix = "dev:";
constexpr std::size_t kMaxPasswordFile = 4096;

Result<std::filesystem::path> keystore_directory() {
  IMO_TRY(const Directories kept, directories());
  return kept.config / "keys";
}

Result<std::filesystem::path> keystore_path(const std::string& name) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  });
  if (!plain) {
    return invalid(fmt::format("'{}' is no account name: letters, digits, - and _ only", name));
  }
  IMO_TRY(const auto directory, keystore_directory());
  return directory / (name + ".json");
}

Result<crypto::SecretKey> open_dev_account(std::string_view index_text, std::uint64_t chain_id) {
  if (chain_id != kDevChainId) {
    return invalid(
        fmt::format("dev accounts have keys that everybody knows; they are refused on "
                    "chain {} (allowed on {} only)",
                    chain_id, kDevChainId));
  }
  std::size_t index = 0;
  const char* end = index_text.data() + index_text.size();
  const auto [stop, error] = std::from_chars(index_text.data(), end, index);
  if (error != std::errc() || stop != end || index >= eth::kAnvilAccounts) {
    return invalid(fmt::format("account dev:{}: there are dev:0 to dev:{}", index_text,
                               eth::kAnvilAccounts - 1));
  }
  return eth::anvil_key(index);
}

Result<std::string> type_password(const std::string& prompt) {
  if (isatty(STDIN_FILENO) == 0) {
    return invalid("no terminal to ask for the password; give --password-file FILE");
  }
  termios shown{};
  tcgetattr(STDIN_FILENO, &shown);
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  std::cerr << prompt << ": " << std::flush;
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  std::string password;
  const bool read = static_cast<bool>(std::getline(std::cin, password));
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
  std::cerr << '\n';
  if (!read) return invalid("no password was typed");
  return password;
}

Result<Report> keep(const crypto::SecretKey& key, const AccountOptions& options) {
  IMO_TRY(const auto path, keystore_path(options.name));
  if (std::filesystem::exists(path)) {
    return invalid(fmt::format("account '{}' exists already ({}); choose another name",
                               options.name, path.string()));
  }
  IMO_TRY(const std::string password,
          read_password(options.password_file, "password for " + options.name));
  if (options.password_file.empty()) {
    IMO_TRY(const std::string again, read_password({}, "the same again"));
    if (again != password) return invalid("the two passwords differ; nothing was written");
  }
  IMO_TRY(const std::string sealed, crypto::seal_keystore(key, password));
  IMO_TRY_VOID(make_directories(path.parent_path(), FileMode::kSecret));
  IMO_TRY_VOID(write_new_file(path, as_bytes(sealed), FileMode::kSecret));
  const std::string address = eth::to_checksum(key.address());
  Report report;
  report.data = {{"name", options.name}, {"address", address}, {"keystore", path.string()}};
  report.field("account", options.name).field("address", address).field("keystore", path.string());
  report.next.push_back("keep the keystore file and the password: nobody can restore them");
  return report;
}

}  // namespace

Result<std::string> read_password(const std::filesystem::path& file, const std::string& prompt) {
  if (file.empty()) return type_password(prompt);
  IMO_TRY(std::string text, read_text_file(file, kMaxPasswordFile));
  return text.substr(0, text.find_first_of("\r\n"));
}

Result<crypto::SecretKey> open_account(const std::string& account,
                                       const std::filesystem::path& password_file,
                                       std::uint64_t chain_id) {
  if (account.empty()) {
    return invalid(
        "this command pays: name an account with --account NAME (see `imo account`), or "
        "dev:0 to dev:9 on a development chain");
  }
  if (account.starts_with(kDevPrefix)) {
    return open_dev_account(std::string_view(account).substr(kDevPrefix.size()), chain_id);
  }
  std::filesystem::path path = account;
  if (!std::filesystem::exists(path)) {
    IMO_TRY(path, keystore_path(account));
  }
  if (!std::filesystem::exists(path)) {
    return fail(ErrorKind::kNotFound,
                fmt::format("no account '{}'; `imo account list` shows those there are", account));
  }
  IMO_TRY(const std::string json, read_text_file(path, crypto::kMaxKeystoreSize));
  IMO_TRY(const std::string password, read_password(password_file, "password of " + account));
  auto key = crypto::open_keystore(json, password);
  if (!key) return tl::unexpected(key.error().within(path.string()));
  return key;
}

Result<Report> account_new(const AccountOptions& options) {
  return keep(crypto::SecretKey::generate(), options);
}

Result<Report> account_import(const AccountOptions& options) {
  IMO_TRY(std::string text, read_text_file(options.key_file, kMaxPasswordFile));
  text.erase(std::remove_if(text.begin(), text.end(),
                            [](unsigned char c) { return std::isspace(c) != 0; }),
             text.end());
  auto key = crypto::SecretKey::from_hex(text);
  if (!key) return tl::unexpected(key.error().within(options.key_file.string()));
  return keep(*key, options);
}

Result<Report> account_list() {
  IMO_TRY(const auto directory, keystore_directory());
  Report report;
  report.data = nlohmann::ordered_json::array();
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    IMO_TRY(const std::string json, read_text_file(path, crypto::kMaxKeystoreSize));
    const auto address = crypto::keystore_address(json);
    const std::string shown = address ? eth::to_checksum(*address) : "address not stated";
    report.data.push_back({{"name", path.stem().string()}, {"address", shown}});
    report.field(path.stem().string(), shown);
  }
  if (paths.empty()) {
    report.line("no accounts in " + directory.string());
    report.next.push_back("imo account new NAME");
  }
  return report;
}

}  // namespace imo::cli
