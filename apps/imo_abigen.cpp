/// imo-abigen: C++ bindings from the artifacts of the Solidity compiler.
///
///     imo-abigen --out build/generated/imo/market/abi --namespace imo::market::abi
///                --include imo/market/abi contracts/out/UniformSale.sol/UniformSale.json ...
///
/// Writes <Contract>.hpp and <Contract>.cpp for each artifact. Files that would not change are left
/// alone, so that nothing behind them is built again.
#include "imo/base/file.hpp"
#include "imo/eth/abigen/model.hpp"

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace imo;  // NOLINT: a program of one file

constexpr std::size_t kMostArtifactBytes = std::size_t{64} << 20;

struct Arguments {
  std::filesystem::path out;
  eth::abigen::Place place;
  std::vector<std::filesystem::path> artifacts;
};

Result<Arguments> read_arguments(const std::vector<std::string_view>& words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (!word.starts_with("--")) {
      arguments.artifacts.emplace_back(word);
      continue;
    }
    if (i + 1 == words.size()) return invalid(fmt::format("{} needs a value", word));
    const std::string value(words[++i]);
    if (word == "--out") {
      arguments.out = value;
    } else if (word == "--namespace") {
      arguments.place.name_space = value;
    } else if (word == "--include") {
      arguments.place.folder = value;
    } else {
      return invalid(fmt::format("unknown option {}", word));
    }
  }
  if (arguments.out.empty() || arguments.place.name_space.empty() ||
      arguments.place.folder.empty() || arguments.artifacts.empty()) {
    return invalid("usage: imo-abigen --out DIR --namespace NAME --include DIR ARTIFACT.json ...");
  }
  return arguments;
}

Result<void> write_if_changed(const std::filesystem::path& path, const std::string& text) {
  const auto old = read_text_file(path, kMostArtifactBytes);
  if (old && *old == text) return {};
  return write_file_atomic(path, as_bytes(text));
}

Result<void> run(const std::vector<std::string_view>& words) {
  IMO_TRY(const Arguments arguments, read_arguments(words));
  IMO_TRY_VOID(make_directories(arguments.out));
  for (const auto& artifact : arguments.artifacts) {
    const std::string name = artifact.stem().string();
    IMO_TRY(const std::string json, read_text_file(artifact, kMostArtifactBytes));
    IMO_TRY(const eth::abigen::Contract contract, eth::abigen::read_artifact(name, json));
    IMO_TRY_VOID(write_if_changed(arguments.out / (name + ".hpp"),
                                  eth::abigen::write_header(contract, arguments.place)));
    IMO_TRY_VOID(write_if_changed(arguments.out / (name + ".cpp"),
                                  eth::abigen::write_source(contract, arguments.place)));
  }
  return {};
}

}  // namespace

int main(int count, char** words) {
  const auto done = run({words + 1, words + count});
  if (done) return 0;
  fmt::print(stderr, "imo-abigen: {}\n", done.error().message);
  return 2;
}
