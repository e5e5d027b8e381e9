/// Files with proofs of models' answers: any bytes give a verdict, within bounded time and memory,
/// and none is an approval: nobody here has run a model.
#include "imo/base/bytes.hpp"
#include "imo/base/check.hpp"
#include "imo/zkml/proof_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace {

using namespace imo;
using namespace imo::zkml;

/// A file about a small model, with a proof of zeros.
Bytes small_file() {
  ProofFile file;
  ModelShape& shape = file.key.shape;
  shape.context = 16;
  shape.vocabulary = 5;
  shape.embedding = shape.feed_forward = 4;
  shape.heads = shape.kv_heads = 1;
  shape.head = 4;
  const NormShape norm{.narrow_shift = 8, .scale_shift = 20, .epsilon = 100};
  LayerShape layer{.attention_norm = norm, .feed_forward_norm = norm};
  layer.matrix_shifts.fill(20);
  layer.score_shift = layer.mix_shift = layer.multiply_shift = 12;
  layer.score_multiplier = 1000;
  shape.layers.assign(2, layer);
  shape.tail_norm = norm;
  shape.logits_shift = 10;
  file.statement.answer = {{1, 2, 3}, {4, 0}};
  file.proof.resize(4096);
  return file.encode();
}

void check(BytesView bytes) {
  const auto file = ProofFile::decode(bytes);
  if (!file) return;
  IMO_CHECK(file->encode().size() == bytes.size(), "a file has two encodings");
  IMO_CHECK(!check_answer(file->key, file->statement, file->proof), "a false proof is accepted");
}

}  // namespace

/// The first two bytes say where the rest is laid over a file that can be read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Bytes small = small_file();
  if (size < 2) {
    IMO_CHECK(ProofFile::decode(small).has_value(), "the file of the fuzzer cannot be read");
    return 0;
  }
  Bytes changed = small;
  const std::size_t place = (std::size_t{data[0]} << 8 | data[1]) % (small.size() + 1);
  const BytesView rest(data + 2, size - 2);
  changed.resize(std::max(changed.size(), place + rest.size()));
  std::ranges::copy(rest, changed.begin() + static_cast<std::ptrdiff_t>(place));
  check(changed);
  check(rest);
  return 0;
}
