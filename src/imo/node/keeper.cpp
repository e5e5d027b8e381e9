#include "imo/node/keeper.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/abi/Splitter.hpp"
#include "imo/market/abi/SplitterFactory.hpp"

namespace imo::node {
namespace {

namespace oracle = market::abi::oracle;
namespace splitter = market::abi::splitter;
namespace factory = market::abi::splitter_factory;

/// Gas of deploying a splitter and of one split with parents, measured and rounded up.
constexpr std::uint64_t kDeployGas = 150'000;
constexpr std::uint64_t kSplitGas = 250'000;

}  // namespace

bool Keeper::due(const std::string& purpose) {
  const auto now = std::chrono::steady_clock::now();
  const auto [entry, fresh] = not_before_.try_emplace(purpose, now);
  if (entry->second > now) return false;
  entry->second = now + options_.retry_after;
  return true;
}

Result<void> Keeper::step(const FollowProgress& now) {
  const auto& self = chain_.transactions.address();
  IMO_TRY(const auto answered, chain_.index.answered_by(self));
  for (const auto& request : answered) {
    if (now.time < request.final_at) continue;
    if (const auto done = finalise(request); !done) {
      log::warning("request {} cannot be finalised yet: {}", request.id, done.error().message);
    }
  }
  IMO_TRY(const auto paid, chain_.index.last_paid(self));
  for (const auto& request : paid) {
    if (const auto done = split(request); !done) {
      log::warning("{} cannot be split yet: {}", to_hex(request.splitter), done.error().message);
    }
  }
  return {};
}

Result<void> Keeper::finalise(const ChainRequest& request) {
  const auto purpose = fmt::format("finalise {} {}", request.id, to_hex(request.claim_hash));
  IMO_TRY(const auto known, chain_.transactions.find(purpose));
  if (!known && !due(purpose)) return {};
  return chain_.transactions
      .ensure(purpose, chain_.deployment.oracle, oracle::finalise(U256(request.id)))
      .map([](const TransactionRecord&) {});
}

Result<void> Keeper::split(const ChainRequest& newest) {
  const auto& address = newest.splitter;
  const auto purpose = fmt::format("split {} {}", to_hex(address), newest.id);
  IMO_TRY(const auto known, chain_.transactions.find(purpose));
  if (known || !due(purpose)) return {};

  IMO_TRY(const auto code, chain_.client.code(address));
  auto pending = chain_.client.balance(address);
  if (!code.empty()) pending = chain_.client.call(address, splitter::pending(Address{}));
  if (!pending) return tl::unexpected(pending.error());
  if (pending->is_zero()) return {};
  IMO_TRY(const auto fees, chain_.client.fees());
  const auto gas = code.empty() ? kDeployGas + kSplitGas : kSplitGas;
  const auto cost = U256(gas) * fees.max_fee_per_gas;
  if (*pending * U256(options_.split_cost_percent) < cost * U256(100)) return {};

  if (code.empty()) {
    // The split follows at a later step, when the chain has the splitter.
    not_before_.erase(purpose);
    return chain_.transactions
        .ensure("deploy " + to_hex(address), chain_.deployment.splitter_factory,
                factory::deploy(newest.model_id, newest.operator_address))
        .map([](const TransactionRecord&) {});
  }
  return chain_.transactions.ensure(purpose, address, splitter::split(Address{}))
      .map([](const TransactionRecord&) {});
}

}  // namespace imo::node
