// Any texts at all as the tokenizer of a checkpoint's folder, three of them with bytes 0x1e
// between, and what follows as tokenizer.model: an error or a vocabulary that survives its own form
// and gives texts back.

#include "imo/model/tokenizer.hpp"
#include "imo/model/tokenizer_json.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace imo;
using namespace imo::model;

namespace {

constexpr std::uint32_t kTokens = 512;

std::string next(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\x1e'), rest.size());
  std::string text(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  TokenizerFiles files;
  files.tokenizer = next(rest);
  files.config = next(rest);
  files.model = next(rest);
  files.scores = rest;
  const auto vocabulary = read_tokenizer_json(files, kTokens);
  if (!vocabulary) {
    if (vocabulary.error().message.empty()) std::abort();
    return 0;
  }
  if (Vocabulary::deserialize(vocabulary->serialize()) != *vocabulary) std::abort();
  const auto tokenizer = Tokenizer::create(*vocabulary);
  if (!tokenizer) return 0;
  const auto ids = tokenizer->encode("a<s> ab 12\u00e9", {.parse_special = true});
  if (ids && !tokenizer->decode(*ids)) std::abort();
  return 0;
}
