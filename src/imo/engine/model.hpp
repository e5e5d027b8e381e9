/// A loaded model, ready to answer. Copies share everything; any number of threads may use one.
#pragma once

#include "imo/base/result.hpp"
#include "imo/engine/execution.hpp"
#include "imo/engine/sampling.hpp"
#include "imo/model/program_file.hpp"
#include "imo/model/tokenizer.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace imo::engine {

struct Plan;
using model::TokenId;

/// Is told every output token as it is chosen; false stops the generation behind that token.
using OnToken = std::function<bool(TokenId token)>;

enum class StopReason : std::uint8_t {
  kEndToken = 0,    ///< the last token is the model's end token
  kTokenLimit = 1,  ///< max_tokens were written
  kCancelled = 2,   ///< the caller's OnToken said so
};

struct Generation {
  std::vector<TokenId> tokens;  ///< the end token, when it came, is the last
  StopReason stop = StopReason::kTokenLimit;
};

class Model {
 public:
  /// Maps a `.imo` file. Fails as model::load_program does.
  static Result<Model> load(const std::filesystem::path& path, model::LoadOptions options = {});

  /// From a program in memory, as the compiler gives it. Fails when check_structure does.
  static Result<Model> from_program(model::Program program, const Hash32& root);

  [[nodiscard]] const model::Program& program() const;
  [[nodiscard]] const model::Tokenizer& tokenizer() const;
  [[nodiscard]] const Hash32& root() const;
  /// Where outputs live while the program runs; for sessions.
  [[nodiscard]] const Plan& plan() const;
  [[nodiscard]] std::uint32_t context_length() const { return program().context_length; }
  [[nodiscard]] std::uint32_t vocabulary_size() const { return program().vocabulary_size; }
  /// model::kNone when the model has none.
  [[nodiscard]] std::uint32_t end_token() const { return program().end_token; }

  /// Refuses, before any work: an empty prompt, a token outside the vocabulary, max_tokens of
  /// zero, and a prompt that leaves no room for max_tokens in the context.
  [[nodiscard]] Result<void> check_request(std::span<const TokenId> prompt,
                                           std::uint32_t max_tokens) const;

  /// Without `sampling` greedy decoding: at each position the lowest id among the greatest logits.
  [[nodiscard]] Result<Generation> generate(std::span<const TokenId> prompt,
                                            std::uint32_t max_tokens, const OnToken& on_token = {},
                                            const Execution& execution = {},
                                            const Sampling& sampling = {}) const;

 private:
  struct Parts;
  explicit Model(std::shared_ptr<const Parts> parts);

  std::shared_ptr<const Parts> parts_;
};

}  // namespace imo::engine
