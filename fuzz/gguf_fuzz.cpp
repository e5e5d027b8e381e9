// Any bytes at all as a GGUF file: an error or a sound model, which must then run.

#include "imo/model/float_reference.hpp"
#include "imo/model/gguf.hpp"
#include "imo/model/tokenizer.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace imo;
using namespace imo::model;

namespace {

void read_metadata(const GgufFile& file) {
  for (const GgufValue& value : file.metadata()) {
    (void)file.unsigned_value(value.key);
    (void)file.real_value(value.key);
    (void)file.bool_value(value.key);
    (void)file.string_value(value.key);
    (void)file.string_array(value.key);
    (void)file.float_array(value.key);
    (void)file.integer_array(value.key);
  }
}

void tokenize(const GgufFile& file) {
  const auto tokenizer = Tokenizer::from_gguf(file);
  if (!tokenizer) return;
  const auto ids = tokenizer->encode("a<s> ab 12\u00e9", {.parse_special = true});
  if (ids && !tokenizer->decode(*ids)) std::abort();
  const Bytes bytes = tokenizer->vocabulary().serialize();
  if (Vocabulary::deserialize(bytes) != tokenizer->vocabulary()) std::abort();
}

void run(const GgufFile& file) {
  const auto source = ModelSource::from_gguf(file);
  if (!source) return;
  const auto model = FloatModel::load(*source);
  if (!model) return;
  FloatSession session(*model);
  const auto logits = session.step(0);
  if (!logits && logits.error().message.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = GgufFile::parse(BytesView(data, size));
  if (!file) return 0;
  read_metadata(*file);
  tokenize(*file);
  run(*file);
  return 0;
}
