#include "imo/node/node.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/log.hpp"
#include "imo/crypto/keystore.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/client.hpp"
#include "imo/market/contracts.hpp"
#include "imo/node/answer_service.hpp"
#include "imo/node/answer_store.hpp"
#include "imo/node/cashier.hpp"
#include "imo/node/chain_follower.hpp"
#include "imo/node/dispute_player.hpp"
#include "imo/node/keeper.hpp"
#include "imo/node/key_agent.hpp"
#include "imo/node/model_shelf.hpp"
#include "imo/node/operator.hpp"
#include "imo/node/proof_poster.hpp"
#include "imo/node/receipt.hpp"
#include "imo/node/receipt_watcher.hpp"
#include "imo/node/request_index.hpp"
#include "imo/node/store.hpp"
#include "imo/node/transaction_manager.hpp"
#include "imo/node/watcher.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace imo::node {
namespace {

constexpr std::size_t kMaxPasswordBytes = 4096;

// Lets any thread end the chain thread's sleep.
class Bell {
 public:
  void ring() {
    {
      const std::lock_guard lock(mutex_);
      rung_ = true;
    }
    condition_.notify_all();
  }
  void wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    condition_.wait_for(lock, limit, [this] { return rung_; });
    rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool rung_ = false;
};

FollowOptions follow_options(const NodeConfig& config, const RequestIndex& index) {
  FollowOptions options;
  options.contracts = index.contracts();
  options.events = RequestIndex::events();
  options.first_block = config.deployment.deploy_block;
  options.confirmations = config.confirmations;
  return options;
}

ProofOptions proof_options(const NodeConfig& config) {
  return {config.data_directory / "commitments", config.proofs.memory_bytes,
          config.proofs.queue_limit, config.proofs.kept};
}

Result<void> check_chain(eth::Client& client, const NodeConfig& config) {
  IMO_TRY(const auto chain_id, client.chain_id());
  if (chain_id != config.deployment.chain_id) {
    return invalid(fmt::format("{} is chain {}, but the deployment is on chain {}", config.rpc_url,
                               chain_id, config.deployment.chain_id));
  }
  for (const auto& [name, address] :
       {std::pair("oracle", config.deployment.oracle),
        std::pair("model registry", config.deployment.model_registry),
        std::pair("operator registry", config.deployment.operator_registry),
        std::pair("dispute game", config.deployment.dispute_game),
        std::pair("proof registry", config.deployment.proof_registry)}) {
    IMO_TRY(const auto code, client.code(address));
    if (code.empty()) {
      return invalid(fmt::format("there is no contract at {}, where the deployment has its {}",
                                 eth::to_checksum(address), name));
    }
  }
  return {};
}

/// A development chain that was started anew has the same id and addresses, but other blocks.
Result<std::string> identity(eth::Client& client, const NodeConfig& config,
                             const Address& operator_address) {
  IMO_TRY(const auto genesis, client.block(eth::BlockTag::earliest()));
  return fmt::format("chain {} (genesis {}), oracle {}, operator {}", config.deployment.chain_id,
                     to_hex(genesis.hash), eth::to_checksum(config.deployment.oracle),
                     eth::to_checksum(operator_address));
}

}  // namespace

struct Node::Parts {
  Parts(NodeConfig the_config, crypto::SecretKey key, eth::Client the_client, ModelShelf the_models,
        std::unique_ptr<Store> the_store)
      : config(std::move(the_config)),
        client(std::move(the_client)),
        models(std::move(the_models)),
        store(std::move(the_store)),
        index(*store, config.deployment),
        answer_store(*store),
        receipts(*store, key.clone(), config.deployment.chain_id,
                 config.deployment.operator_registry),
        transactions(client, *store, std::move(key), config.deployment.chain_id),
        follower(client, *store, index, follow_options(config, index)),
        answers(config.queue_limit),
        worker(side(), models, answers, answer_store, [this] { bell.ring(); }),
        keeper(side()),
        player(side(), models),
        watcher(side(), models, config.watch_dry_run),
        receipt_watcher(side(), models, config.watch_receipts, config.watch_dry_run),
        cashier(side(), *store, config, [this] { bell.ring(); }),
        keys(side(), models, {.contest = config.watch, .dry_run = config.watch_dry_run}),
        proof_store(*store) {
    if (!config.proofs.enabled) return;
    proofs.emplace(proof_store, models, proof_options(config), [this] { bell.ring(); });
    poster.emplace(side(), models, *proofs, proof_store, config.proofs,
                   config.payment_asset.address);
  }

  ~Parts() {
    stopping = true;
    bell.ring();
    if (thread.joinable()) thread.join();
  }

  ChainSide side() { return {client, config.deployment, index, transactions}; }

  void run() {
    while (!stopping) {
      const auto done = step();
      {
        const std::lock_guard lock(mutex);
        state.problem = done ? "" : done.error().message;
      }
      if (!done) log::warning("{}", done.error().message);
      bell.wait(config.poll_interval);
    }
  }

  Result<void> step() {
    FollowProgress progress;
    std::optional<std::uint64_t> rolled_back_to;
    do {
      IMO_TRY(progress, follower.step());
      if (progress.rolled_back_to) rolled_back_to = progress.rolled_back_to;
      note(progress);
    } while (!progress.caught_up && !stopping);
    progress.rolled_back_to = rolled_back_to;
    // A receipt that was stored as sent or mined is looked at before anything new is sent.
    IMO_TRY_VOID(transactions.tend(progress.head));
    if (config.answer_requests) IMO_TRY_VOID(worker.step(progress));
    IMO_TRY_VOID(cashier.step());
    // Whatever else the node is told to do, it defends what it has answered.
    IMO_TRY_VOID(player.step(progress));
    IMO_TRY_VOID(keys.step(progress));
    if (config.watch) {
      IMO_TRY_VOID(watcher.step(progress));
      IMO_TRY_VOID(receipt_watcher.step(progress));
    }
    if (poster) IMO_TRY_VOID(poster->step(progress));
    if (config.keep) IMO_TRY_VOID(keeper.step(progress));
    IMO_TRY(const auto balance, client.balance(transactions.address()));
    const std::lock_guard lock(mutex);
    state.balance_wei = balance;
    state.ready = true;
    return {};
  }

  void note(const FollowProgress& progress) {
    const std::lock_guard lock(mutex);
    state.head_block = progress.head;
    state.followed_block = progress.followed;
  }

  bool settled() {
    const auto sent = transactions.in_state(TransactionState::kSent);
    return worker.under_way() == 0 && sent && sent->empty();
  }

  // In the order in which they need each other: destroyed last to first, the thread before all.
  NodeConfig config;
  eth::Client client;
  ModelShelf models;
  std::unique_ptr<Store> store;
  RequestIndex index;
  AnswerStore answer_store;
  ReceiptIssuer receipts;
  TransactionManager transactions;
  ChainFollower follower;
  Bell bell;
  AnswerService answers;
  Operator worker;
  Keeper keeper;
  DisputePlayer player;
  Watcher watcher;
  ReceiptWatcher receipt_watcher;
  Cashier cashier;
  KeyAgent keys;
  ProofStore proof_store;
  std::optional<ProofService> proofs;
  std::optional<ProofPoster> poster;
  mutable std::mutex mutex;
  NodeStatus state;
  std::atomic<bool> stopping = false;
  std::thread thread;
};

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::start(NodeConfig config, crypto::SecretKey key) {
  if (config.data_directory.empty()) return invalid("the node needs a data directory");
  IMO_TRY(auto client, eth::Client::connect(config.rpc_url));
  market::add_errors(client.errors());
  IMO_TRY_VOID(check_chain(client, config));
  IMO_TRY(const auto about, identity(client, config, key.address()));
  IMO_TRY(auto models, ModelShelf::load(config.models));
  IMO_TRY(auto store, Store::open(config.data_directory));
  IMO_TRY_VOID(store->bind(about));
  const auto address = key.address();
  auto parts = std::make_unique<Parts>(std::move(config), std::move(key), std::move(client),
                                       std::move(models), std::move(store));
  parts->state.operator_address = address;
  parts->state.chain_id = parts->config.deployment.chain_id;
  parts->thread = std::thread([raw = parts.get()] { raw->run(); });
  return std::unique_ptr<Node>(new Node(std::move(parts)));
}

Result<std::unique_ptr<Node>> Node::start(NodeConfig config) {
  IMO_TRY(auto key, operator_key(config));
  return start(std::move(config), std::move(key));
}

bool Node::drain(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  {
    const std::lock_guard lock(parts_->mutex);
    parts_->state.draining = true;
  }
  parts_->worker.take_no_more();
  if (parts_->proofs) parts_->proofs->take_no_more();
  const bool done = parts_->answers.drain(limit);
  while (!parts_->settled()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return done;
}

NodeStatus Node::status() const {
  NodeStatus status;
  {
    const std::lock_guard lock(parts_->mutex);
    status = parts_->state;
  }
  status.answers_waiting = parts_->answers.waiting();
  if (auto counts = parts_->index.counts()) status.requests = std::move(*counts);
  return status;
}

const NodeConfig& Node::config() const {
  return parts_->config;
}
AnswerService& Node::answers() {
  return parts_->answers;
}
const ModelShelf& Node::models() const {
  return parts_->models;
}
ReceiptIssuer& Node::receipts() {
  return parts_->receipts;
}
ProofService* Node::proofs() {
  return parts_->proofs ? &*parts_->proofs : nullptr;
}
ProofStore& Node::proof_store() {
  return parts_->proof_store;
}
Cashier& Node::cashier() {
  return parts_->cashier;
}
RequestIndex& Node::requests() {
  return parts_->index;
}
eth::Client& Node::chain() {
  return parts_->client;
}

Result<crypto::SecretKey> operator_key(const NodeConfig& config) {
  IMO_TRY(const auto sealed, read_text_file(config.keystore, crypto::kMaxKeystoreSize));
  IMO_TRY(auto password, read_text_file(config.password_file, kMaxPasswordBytes));
  password = password.substr(0, password.find_first_of("\r\n"));
  auto key = crypto::open_keystore(sealed, password);
  if (!key) return tl::unexpected(key.error().within(config.keystore.string()));
  return key;
}

}  // namespace imo::node
