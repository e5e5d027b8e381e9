#include "imo/eth/anvil.hpp"

#include "imo/base/check.hpp"
#include "imo/base/child_process.hpp"
#include "imo/base/file.hpp"
#include "imo/base/paths.hpp"
#include "imo/eth/client.hpp"
#include "imo/eth/json_rpc.hpp"

#include <array>
#include <charconv>
#include <cstdlib>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

namespace imo::eth {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kListening = "Listening on 127.0.0.1:";
constexpr std::size_t kMostOutput = std::size_t{1} << 20;
constexpr std::chrono::milliseconds kPoll{5};
/// How many blocks back the chain can still be asked about its state. Anvil would write what is
/// older to the home folder, about 1 MB a block, and leave it there when it is killed.
constexpr const char* kStatesKept = "500";

std::vector<std::string> arguments_of(const AnvilOptions& options, const std::string& binary) {
  std::vector<std::string> arguments = {binary,
                                        "--host",
                                        "127.0.0.1",
                                        "--port",
                                        std::to_string(options.port),
                                        "--chain-id",
                                        std::to_string(options.chain_id),
                                        "--prune-history",
                                        kStatesKept,
                                        "--no-request-size-limit"};
  const auto add = [&](const char* name, const std::string& value) {
    arguments.emplace_back(name);
    arguments.push_back(value);
  };
  if (options.block_time) add("--block-time", std::to_string(*options.block_time));
  if (options.genesis_timestamp) add("--timestamp", std::to_string(*options.genesis_timestamp));
  if (!options.state_file.empty()) add("--state", options.state_file);
  return arguments;
}

std::string last_line(const std::string& output) {
  const std::size_t end = output.find_last_not_of(" \n");
  if (end == std::string::npos) return "it said nothing";
  const std::size_t start = output.find_last_of('\n', end);
  return output.substr(start == std::string::npos ? 0 : start + 1, end - start).substr(0, 300);
}

/// The port in a complete line `Listening on 127.0.0.1:40123`.
std::optional<std::uint16_t> port_in(const std::string& output) {
  const std::size_t at = output.find(kListening);
  const std::size_t end = output.find('\n', at);
  if (at == std::string::npos || end == std::string::npos) return std::nullopt;
  std::uint16_t port = 0;
  const auto read =
      std::from_chars(output.data() + at + kListening.size(), output.data() + end, port);
  return read.ec == std::errc{} ? std::optional(port) : std::nullopt;
}

/// Waits until the child, which writes to `log`, names the port that it listens on.
Result<std::uint16_t> wait_for_port(ChildProcess& child, const std::filesystem::path& log,
                                    std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  while (true) {
    const bool running = child.running();  // asked first: what it said last must not be missed
    IMO_TRY(const std::string said, read_text_file(log, kMostOutput));
    if (const auto port = port_in(said)) return *port;
    if (!running) return fail(ErrorKind::kIo, "anvil does not start: " + last_line(said));
    if (Clock::now() > deadline) return fail(ErrorKind::kTimeout, "anvil does not start in time");
    std::this_thread::sleep_for(kPoll);
  }
}

/// Without this the log, which nobody reads any more, would grow with every request.
Result<void> silence(const std::string& url) {
  IMO_TRY(Client client, Client::connect(url));
  IMO_TRY_VOID(client.rpc().result({"anvil_setLoggingEnabled", "[false]"}));
  return {};
}

}  // namespace

struct Anvil::State {
  ChildProcess child;
  std::uint16_t port = 0;
  std::string url;
};

Result<std::string> find_anvil() {
  if (const char* named = std::getenv("IMO_ANVIL"); named != nullptr && *named != '\0') {
    if (const auto program = find_program(named)) return program->string();
    return fail(ErrorKind::kNotFound, std::string("IMO_ANVIL names no program: ") + named);
  }
  IMO_TRY(const std::filesystem::path self, executable_path());
  for (auto folder = self.parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    const auto candidate = folder / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
    if (find_program(candidate.string())) return candidate.string();
  }
  if (const auto program = find_program("anvil")) return program->string();
  return fail(ErrorKind::kNotFound, "anvil is not installed: run ./dev setup, or set IMO_ANVIL");
}

Result<Anvil> Anvil::start(const AnvilOptions& options) {
  std::string binary = options.binary;
  if (binary.empty()) {
    IMO_TRY(binary, find_anvil());
  }
  IMO_TRY(const TemporaryDirectory folder, TemporaryDirectory::create());
  ChildOptions child_options;
  child_options.output = ChildOutput::kFile;
  child_options.log_file = folder.path() / "anvil.log";
  IMO_TRY(ChildProcess child, ChildProcess::spawn(arguments_of(options, binary), child_options));
  IMO_TRY(const std::uint16_t port,
          wait_for_port(child, child_options.log_file, options.start_timeout));
  std::string url = "http://127.0.0.1:" + std::to_string(port);
  IMO_TRY_VOID(silence(url));
  return Anvil(std::make_unique<State>(State{std::move(child), port, std::move(url)}));
}

Anvil::Anvil(std::unique_ptr<State> state) : state_(std::move(state)) {}
Anvil::Anvil(Anvil&&) noexcept = default;
Anvil& Anvil::operator=(Anvil&&) noexcept = default;
Anvil::~Anvil() = default;

const std::string& Anvil::url() const {
  return state_->url;
}
std::uint16_t Anvil::port() const {
  return state_->port;
}
int Anvil::pid() const {
  return state_->child.pid();
}
void Anvil::stop() {
  state_->child.terminate();
}

crypto::SecretKey anvil_key(std::size_t index) {
  // Of the mnemonic "test test ... junk", as anvil prints them.
  constexpr std::array<std::string_view, kAnvilAccounts> kKeys = {
      "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
      "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
      "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
      "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
      "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
      "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
      "0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
      "0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
      "0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
      "0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"};
  IMO_CHECK(index < kAnvilAccounts, "anvil has no such account");
  return std::move(crypto::SecretKey::from_hex(kKeys[index]).value());
}

}  // namespace imo::eth
