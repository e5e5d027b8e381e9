#include "imo/node/replay.hpp"

namespace imo::node {

Result<engine::Verdict> replay(const engine::Model& model, std::span<const engine::TokenId> prompt,
                               std::span<const engine::TokenId> output, std::uint32_t max_tokens,
                               ThreadPool* pool) {
  const auto run = [&](const engine::Kernels& kernels) {
    return engine::verify(model, prompt, output, max_tokens, {.kernels = &kernels, .pool = pool});
  };
  IMO_TRY(engine::Verdict first, run(*engine::available_kernels().front()));
  if (first.matches) return first;
  IMO_TRY(const engine::Verdict second, run(engine::scalar_kernels()));
  const bool agree =
      !second.matches && second.position == first.position && second.expected == first.expected;
  if (!agree) {
    return fail(ErrorKind::kVerification,
                "two kernels disagree about this answer, so that nothing is disputed: please "
                "report it with the model and `imo doctor`");
  }
  return first;
}

}  // namespace imo::node
