#include "imo/market/deployment.hpp"

#include "imo/base/file.hpp"
#include "imo/eth/address.hpp"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::market {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{64} << 10;

struct Field {
  const char* name;
  Address Deployment::* member;
};

constexpr std::array<Field, 10> kAddresses{{
    {"model_registry", &Deployment::model_registry},
    {"offering_factory", &Deployment::offering_factory},
    {"splitter_factory", &Deployment::splitter_factory},
    {"operator_registry", &Deployment::operator_registry},
    {"oracle", &Deployment::oracle},
    {"content_token", &Deployment::content_token},
    {"step_verifier", &Deployment::step_verifier},
    {"dispute_game", &Deployment::dispute_game},
    {"model_verifier", &Deployment::model_verifier},
    {"proof_registry", &Deployment::proof_registry},
}};

Result<std::uint64_t> number_at(const nlohmann::json& document, const char* name) {
  const auto found = document.find(name);
  if (found == document.end() || !found->is_number_unsigned()) {
    return invalid(fmt::format("deployment: '{}' must be there and a whole number", name));
  }
  return found->get<std::uint64_t>();
}

Result<Address> address_at(const nlohmann::json& document, const char* name) {
  const auto found = document.find(name);
  if (found == document.end() || !found->is_string()) {
    return invalid(fmt::format("deployment: '{}' must be there and an address", name));
  }
  const auto address = eth::parse_address(found->get_ref<const std::string&>());
  if (!address) return tl::unexpected(address.error().within(fmt::format("deployment: {}", name)));
  if (address->is_zero()) return invalid(fmt::format("deployment: '{}' is the zero address", name));
  return *address;
}

}  // namespace

Result<Deployment> Deployment::parse(std::string_view json) {
  const auto document = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return invalid("deployment: not a JSON object");
  Deployment deployment;
  IMO_TRY(deployment.chain_id, number_at(document, "chain_id"));
  IMO_TRY(deployment.deploy_block, number_at(document, "deploy_block"));
  for (const auto& field : kAddresses) {
    IMO_TRY(deployment.*field.member, address_at(document, field.name));
  }
  return deployment;
}

Result<Deployment> Deployment::load(const std::filesystem::path& file) {
  IMO_TRY(const auto text, read_text_file(file, kMaxFileBytes));
  auto deployment = parse(text);
  if (!deployment) return tl::unexpected(deployment.error().within(file.string()));
  return deployment;
}

std::string Deployment::to_json() const {
  nlohmann::ordered_json document{{"chain_id", chain_id}, {"deploy_block", deploy_block}};
  for (const auto& field : kAddresses) {
    document[field.name] = eth::to_checksum(this->*field.member);
  }
  return document.dump(2) + "\n";
}

Result<void> Deployment::save(const std::filesystem::path& file) const {
  return write_file_atomic(file, as_bytes(to_json()));
}

}  // namespace imo::market
