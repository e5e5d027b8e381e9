/// Foundry's development chain: as a child process, and the clock and purse that only it has.
/// For `imo dev`, the demo and tests.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/crypto/secp256k1.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace imo::eth {

class Client;

struct AnvilOptions {
  /// The program; empty: find_anvil().
  std::string binary{};
  /// 0: a free one, which the system chooses.
  std::uint16_t port = 0;
  std::uint64_t chain_id = 31337;
  /// Seconds between blocks; nothing: a block for each transaction.
  std::optional<std::uint64_t> block_time{};
  /// Unix seconds of the first block; nothing: now.
  std::optional<std::uint64_t> genesis_timestamp{};
  /// A file to load the chain from and to save it to at the end; empty: none.
  std::string state_file{};
  std::chrono::milliseconds start_timeout = std::chrono::seconds{20};
};

/// `$IMO_ANVIL`; else node_modules beside or above the running program; else the PATH.
Result<std::string> find_anvil();

/// A running anvil on the loopback interface. It ends with this object, and with this process
/// however that ends. Start it from a thread that outlives it: Linux ties the child to that thread.
class Anvil {
 public:
  static Result<Anvil> start(const AnvilOptions& options = {});
  Anvil(Anvil&&) noexcept;
  Anvil& operator=(Anvil&&) noexcept;
  ~Anvil();

  /// `http://127.0.0.1:40123`.
  [[nodiscard]] const std::string& url() const;
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] int pid() const;
  /// Ends the child and waits for it; a second call does nothing.
  void stop();

 private:
  struct State;
  explicit Anvil(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// How many accounts anvil gives money to.
inline constexpr std::size_t kAnvilAccounts = 10;

/// The well-known key of anvil's account `index` (below kAnvilAccounts). Everybody has it.
crypto::SecretKey anvil_key(std::size_t index);

/// What only a development chain can do. The client must outlive it.
class AnvilControl {
 public:
  explicit AnvilControl(Client& client) : client_(&client) {}

  /// Moves the clock of the next block forward.
  Result<void> increase_time(std::chrono::seconds by);
  /// Sets the clock of the next block, in unix seconds; not into the past.
  Result<void> set_next_timestamp(std::uint64_t unix_seconds);
  /// Mines blocks, `interval` apart.
  Result<void> mine(std::uint64_t blocks = 1,
                    std::chrono::seconds interval = std::chrono::seconds{1});
  /// increase_time, then a block, so that calls see the new time as well.
  Result<void> pass_time(std::chrono::seconds by);
  Result<void> set_balance(const Address& account, const U256& wei);
  Result<void> set_code(const Address& account, BytesView code);
  /// Whether each transaction makes a block at once.
  Result<void> set_automine(bool on);
  /// Remembers the state; the id works once.
  Result<U256> snapshot();
  Result<void> revert(const U256& snapshot_id);

 private:
  Client* client_;
};

}  // namespace imo::eth
