#include "imo/node/config.hpp"

#include "imo/base/file.hpp"
#include "imo/eth/address.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace imo::node {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxModels = 64;
constexpr std::int64_t kMostPrice = std::int64_t{1} << 60;

std::string place(const toml::node& node, std::string_view key) {
  return fmt::format("line {}: {}", node.source().begin.line, key);
}

// One table of the file; remembers nothing, but names the line of everything that is wrong.
class Section {
 public:
  Section(const toml::table& table, std::string name) : table_(&table), name_(std::move(name)) {}

  /// A key that nobody knows is a typing error that would otherwise change nothing, silently.
  Result<void> allow(std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, value] : *table_) {
      if (std::find(keys.begin(), keys.end(), key.str()) == keys.end()) {
        return invalid(fmt::format("{}: there is no such setting; known are: {}",
                                   place(value, name_ + std::string(key.str())),
                                   fmt::join(keys, ", ")));
      }
    }
    return {};
  }

  Result<void> text(std::string_view key, std::string& out) const {
    return take<std::string>(key, "a text", [&](std::string value) { out = std::move(value); });
  }

  Result<void> path(std::string_view key, const std::filesystem::path& directory,
                    std::filesystem::path& out) const {
    return take<std::string>(key, "a path", [&](const std::string& value) {
      out = directory / value;  // an absolute value replaces the directory
    });
  }

  Result<void> flag(std::string_view key, bool& out) const {
    return take<bool>(key, "true or false", [&](bool value) { out = value; });
  }

  template <typename Number>
  Result<void> number(std::string_view key, std::int64_t least, std::int64_t most,
                      Number& out) const {
    const auto* node = table_->get(key);
    if (node == nullptr) return {};
    const auto value = node->value_exact<std::int64_t>();
    if (!value || *value < least || *value > most) {
      return invalid(fmt::format("{}: must be a whole number from {} to {}",
                                 place(*node, name_ + std::string(key)), least, most));
    }
    out = static_cast<Number>(*value);
    return {};
  }

 private:
  template <typename T, typename Use>
  Result<void> take(std::string_view key, std::string_view kind, Use use) const {
    const auto* node = table_->get(key);
    if (node == nullptr) return {};
    auto value = node->value_exact<T>();
    if (!value) {
      return invalid(fmt::format("{}: must be {}", place(*node, name_ + std::string(key)), kind));
    }
    use(std::move(*value));
    return {};
  }

  const toml::table* table_;
  std::string name_;
};

Result<const toml::table*> subtable(const toml::table& root, std::string_view key) {
  static const toml::table kEmpty;
  const auto* node = root.get(key);
  if (node == nullptr) return &kEmpty;
  if (!node->is_table()) return invalid(place(*node, key) + ": must be a table");
  return node->as_table();
}

Result<std::vector<ModelFile>> read_models(const toml::table& root,
                                           const std::filesystem::path& directory) {
  const auto* node = root.get("model");
  if (node == nullptr) return std::vector<ModelFile>{};
  const auto* list = node->as_array();
  if (list == nullptr || !list->is_array_of_tables() || list->size() > kMaxModels) {
    return invalid(
        fmt::format("{}: must be tables [[model]], at most {}", place(*node, "model"), kMaxModels));
  }
  std::vector<ModelFile> models;
  for (const auto& entry : *list) {
    ModelFile model;
    const Section section(*entry.as_table(), "model.");
    IMO_TRY_VOID(section.allow({"path", "name"}));
    IMO_TRY_VOID(section.path("path", directory, model.path));
    IMO_TRY_VOID(section.text("name", model.name));
    if (model.path.empty()) return invalid(place(entry, "model") + ": needs a path");
    models.push_back(std::move(model));
  }
  return models;
}

Result<void> read_http(const toml::table& root, NodeConfig& config) {
  IMO_TRY(const auto* table, subtable(root, "http"));
  const Section http(*table, "http.");
  IMO_TRY_VOID(http.allow(
      {"listen", "port", "default_max_tokens", "queue_limit", "price", "price_per_token"}));
  IMO_TRY_VOID(http.text("listen", config.listen_address));
  IMO_TRY_VOID(http.number("port", 0, 65'535, config.port));
  IMO_TRY_VOID(http.number("default_max_tokens", 1, 1'000'000, config.default_max_tokens));
  IMO_TRY_VOID(http.number("price", 0, kMostPrice, config.answer_price.flat));
  IMO_TRY_VOID(http.number("price_per_token", 0, kMostPrice, config.answer_price.per_token));
  return http.number("queue_limit", 1, 100'000, config.queue_limit);
}

Result<void> read_payment(const toml::table& root, NodeConfig& config) {
  IMO_TRY(const auto* table, subtable(root, "payment"));
  const Section payment(*table, "payment.");
  IMO_TRY_VOID(payment.allow({"asset", "asset_name", "asset_version", "split_from"}));
  IMO_TRY_VOID(payment.number("split_from", 0, kMostPrice, config.split_from));
  PaymentAsset& asset = config.payment_asset;
  IMO_TRY_VOID(payment.text("asset_name", asset.name));
  IMO_TRY_VOID(payment.text("asset_version", asset.version));
  std::string address;
  IMO_TRY_VOID(payment.text("asset", address));
  if (!address.empty()) {
    auto parsed = eth::parse_address(address);
    if (!parsed) return tl::unexpected(parsed.error().within("payment.asset"));
    asset.address = *parsed;
  }
  const bool sells = !config.answer_price.is_free() || config.proofs.has_price();
  if (sells && (asset.address.is_zero() || asset.name.empty())) {
    return invalid(
        "payment: what has a price needs the token that it is in: asset, asset_name, "
        "asset_version");
  }
  return {};
}

Result<void> read_chain(const toml::table& root, NodeConfig& config) {
  IMO_TRY(const auto* table, subtable(root, "chain"));
  const Section chain(*table, "chain.");
  IMO_TRY_VOID(chain.allow({"confirmations", "poll_interval_ms", "answer_requests", "keep"}));
  IMO_TRY_VOID(chain.number("confirmations", 0, 10'000, config.confirmations));
  std::int64_t interval = config.poll_interval.count();
  IMO_TRY_VOID(chain.number("poll_interval_ms", 10, 3'600'000, interval));
  config.poll_interval = std::chrono::milliseconds(interval);
  IMO_TRY_VOID(chain.flag("answer_requests", config.answer_requests));
  return chain.flag("keep", config.keep);
}

Result<void> read_watch(const toml::table& root, const std::filesystem::path& directory,
                        NodeConfig& config) {
  IMO_TRY(const auto* table, subtable(root, "watch"));
  const Section watch(*table, "watch.");
  IMO_TRY_VOID(watch.allow({"enabled", "dry_run", "receipts"}));
  IMO_TRY_VOID(watch.flag("enabled", config.watch));
  IMO_TRY_VOID(watch.path("receipts", directory, config.watch_receipts));
  return watch.flag("dry_run", config.watch_dry_run);
}

Result<void> read_proofs(const toml::table& root, ProofConfig& config) {
  IMO_TRY(const auto* table, subtable(root, "proofs"));
  const Section proofs(*table, "proofs.");
  IMO_TRY_VOID(proofs.allow({"enabled", "post", "prove_answers", "memory_mb", "queue_limit", "kept",
                             "price", "price_per_second", "price_of_posting"}));
  IMO_TRY_VOID(proofs.flag("enabled", config.enabled));
  IMO_TRY_VOID(proofs.flag("post", config.post));
  IMO_TRY_VOID(proofs.flag("prove_answers", config.prove_answers));
  std::uint64_t megabytes = 0;
  IMO_TRY_VOID(proofs.number("memory_mb", 1, std::int64_t{1} << 30, megabytes));
  config.memory_bytes = megabytes << 20;
  IMO_TRY_VOID(proofs.number("queue_limit", 1, 10'000, config.queue_limit));
  IMO_TRY_VOID(proofs.number("kept", 1, 100'000, config.kept));
  IMO_TRY_VOID(proofs.number("price", 0, kMostPrice, config.price));
  IMO_TRY_VOID(proofs.number("price_per_second", 0, kMostPrice, config.price_per_second));
  IMO_TRY_VOID(proofs.number("price_of_posting", 0, kMostPrice, config.price_of_posting));
  return {};
}

}  // namespace

Result<NodeConfig> NodeConfig::parse(std::string_view text,
                                     const std::filesystem::path& directory) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& fault) {
    return invalid(fmt::format("line {}: {}", fault.source().begin.line, fault.description()));
  }
  NodeConfig config;
  const Section top(root, "");
  IMO_TRY_VOID(
      top.allow({"rpc_url", "public_rpc_url", "deployment", "keystore", "password_file",
                 "data_directory", "model", "http", "chain", "watch", "proofs", "payment"}));
  IMO_TRY_VOID(top.text("rpc_url", config.rpc_url));
  IMO_TRY_VOID(top.text("public_rpc_url", config.public_rpc_url));
  IMO_TRY_VOID(top.path("keystore", directory, config.keystore));
  IMO_TRY_VOID(top.path("password_file", directory, config.password_file));
  IMO_TRY_VOID(top.path("data_directory", directory, config.data_directory));
  IMO_TRY(config.models, read_models(root, directory));
  IMO_TRY_VOID(read_http(root, config));
  IMO_TRY_VOID(read_chain(root, config));
  IMO_TRY_VOID(read_watch(root, directory, config));
  IMO_TRY_VOID(read_proofs(root, config.proofs));
  IMO_TRY_VOID(read_payment(root, config));
  std::filesystem::path deployment;
  IMO_TRY_VOID(top.path("deployment", directory, deployment));
  if (deployment.empty()) {
    return invalid("deployment: must name the file that `imo dev` or the deployer wrote");
  }
  IMO_TRY(config.deployment, market::Deployment::load(deployment));
  return config;
}

Result<NodeConfig> NodeConfig::load(const std::filesystem::path& file) {
  IMO_TRY(const auto text, read_text_file(file, kMaxFileBytes));
  auto config = parse(text, file.parent_path());
  if (!config) return tl::unexpected(config.error().within(file.string()));
  return config;
}

}  // namespace imo::node
