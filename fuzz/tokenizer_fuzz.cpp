// Any bytes at all as a text, or as a vocabulary. The first byte says which: a text must come back
// from its ids, under both kinds of tokenizer and every pattern; a vocabulary must be refused or
// be the only one with these bytes.

#include "imo/model/tokenizer.hpp"
#include "imo/model/utf8.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace imo;
using namespace imo::model;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

// <unk>, </s>, the bytes, and a few pieces whose merges compete.
Tokenizer sentence_piece() {
  Vocabulary vocabulary;
  vocabulary.add_space_prefix = true;
  vocabulary.unknown = 0;
  vocabulary.end = 1;
  vocabulary.entries = {{"<unk>", TokenType::kUnknown, 0}, {"</s>", TokenType::kControl, 0}};
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.entries.push_back({std::string(1, static_cast<char>(byte)), TokenType::kByte, 0});
  }
  std::uint32_t rank = 100;
  for (const char* piece : {" ", "a", "b", "  ", " a", "aa", "ab", "aba", "\u00e9a"}) {
    vocabulary.entries.push_back({piece, TokenType::kNormal, --rank / 2});
  }
  vocabulary.entries.push_back({"<user>", TokenType::kUserDefined, 0});
  return Tokenizer::create(std::move(vocabulary)).value();
}

// The bytes, and some merges over them.
Tokenizer byte_level(PreTokenizer pattern) {
  Vocabulary vocabulary;
  vocabulary.kind = TokenizerKind::kByteLevelBpe;
  vocabulary.pre_tokenizer = pattern;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.entries.push_back({std::string(1, static_cast<char>(byte)), TokenType::kNormal, 0});
  }
  const auto merge = [&](TokenId left, TokenId right) {
    const auto id = static_cast<TokenId>(vocabulary.entries.size());
    vocabulary.entries.push_back(
        {vocabulary.entries[left].bytes + vocabulary.entries[right].bytes, TokenType::kNormal, 0});
    vocabulary.merges.push_back({left, right, id});
    return id;
  };
  const TokenId aa = merge('a', 'a');
  merge(aa, 'b');
  merge(aa, aa);
  merge(' ', ' ');
  merge('a', 'b');
  vocabulary.end = static_cast<TokenId>(vocabulary.entries.size());
  vocabulary.entries.push_back({"<|end|>", TokenType::kControl, 0});
  return Tokenizer::create(std::move(vocabulary)).value();
}

void round_trip(const Tokenizer& tokenizer, std::string_view text, bool parse_special) {
  const auto ids = tokenizer.encode(text, {.parse_special = parse_special});
  check(ids.has_value() == (find_bad_utf8(text) == std::string_view::npos));
  if (!ids) return;
  const auto back = tokenizer.decode(*ids, {.show_special = true});
  check(back.has_value());
  if (!parse_special || text.find('<') == std::string_view::npos) check(*back == text);

  StreamDecoder stream(tokenizer, true, {.show_special = true});
  std::string streamed;
  for (const TokenId id : *ids) streamed += stream.push(id).value();
  streamed += stream.finish();
  check(streamed == *back);
}

void read_vocabulary(BytesView bytes) {
  auto vocabulary = Vocabulary::deserialize(bytes);
  if (!vocabulary) return;
  const Bytes again = vocabulary->serialize();
  check(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
  const auto tokenizer = Tokenizer::create(std::move(*vocabulary));
  check(tokenizer.has_value());
  const auto ids = tokenizer->encode("a ab\u00e9<s>12", {.parse_special = true});
  if (ids) check(tokenizer->decode(*ids).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<Tokenizer, 5> kTokenizers = {
      sentence_piece(), byte_level(PreTokenizer::kGpt2), byte_level(PreTokenizer::kLlama3),
      byte_level(PreTokenizer::kQwen2), byte_level(PreTokenizer::kSmolLm)};
  if (size == 0) return 0;
  const BytesView rest(data + 1, size - 1);
  const std::size_t choice = data[0] % 11;
  if (choice == 10) {
    read_vocabulary(rest);
  } else {
    round_trip(kTokenizers[choice / 2], as_text(rest), choice % 2 == 1);
  }
  return 0;
}
