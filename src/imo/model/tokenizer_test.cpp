#include "imo/model/tokenizer.hpp"

#include "imo/model/byte_alphabet.hpp"
#include "imo/model/test_support.hpp"
#include "imo/model/utf8.hpp"

#include <algorithm>
#include <random>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

using ::testing::HasSubstr;
using Ids = std::vector<TokenId>;

struct Case {
  std::string text;
  Ids ids;
};

// Texts separated by a marker line; per text one line of ids.
std::vector<Case> read_cases(const std::string& inputs, const std::string& outputs) {
  constexpr std::string_view kMarker = "\n__ggml_vocab_test__\n";
  std::vector<Case> cases;
  std::istringstream lines(outputs);
  std::size_t at = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t end = std::min(inputs.find(kMarker, at), inputs.size());
    Case one{inputs.substr(at, end - at), {}};
    at = std::min(end + kMarker.size(), inputs.size());
    std::istringstream numbers(line);
    for (TokenId id = 0; numbers >> id;) one.ids.push_back(id);
    cases.push_back(std::move(one));
  }
  return cases;
}

class RealVocabulary : public ::testing::TestWithParam<const char*> {};

TEST_P(RealVocabulary, AgreesOnEveryCaseAndDecodesBack) {
  const std::string stem = std::string("vocab/ggml-vocab-") + GetParam() + ".gguf";
  IMO_NEED_SHARED(testing::shared_file(stem));
  const auto file = GgufFile::open(testing::shared_file(stem));
  ASSERT_TRUE(file.has_value()) << file.error().message;
  const auto tokenizer = Tokenizer::from_gguf(*file);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  const auto cases = read_cases(testing::read_text(testing::shared_file(stem + ".inp")),
                                testing::read_text(testing::shared_file(stem + ".out")));
  ASSERT_GE(cases.size(), 46U);
  for (const Case& one : cases) {
    const auto ids = tokenizer->encode(one.text, {.add_special = false});
    ASSERT_TRUE(ids.has_value()) << ids.error().message;
    EXPECT_EQ(*ids, one.ids) << one.text;
    EXPECT_EQ(tokenizer->decode(*ids).value_or("error"), one.text);
  }
}

// A vocabulary survives its byte form, and that form is the only one.
TEST_P(RealVocabulary, SerializesToTheSameVocabulary) {
  const auto path = testing::shared_file(std::string("vocab/ggml-vocab-") + GetParam() + ".gguf");
  IMO_NEED_SHARED(path);
  const auto file = GgufFile::open(path);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  const auto vocabulary = Vocabulary::from_gguf(*file);
  ASSERT_TRUE(vocabulary.has_value()) << vocabulary.error().message;
  const Bytes bytes = vocabulary->serialize();
  const auto again = Vocabulary::deserialize(bytes);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*again, *vocabulary);
  EXPECT_EQ(again->serialize(), bytes);
}

// Equal pairs by the hundred thousand: quadratic merging would take many minutes.
TEST_P(RealVocabulary, LongInputsAreQuick) {
  const auto path = testing::shared_file(std::string("vocab/ggml-vocab-") + GetParam() + ".gguf");
  IMO_NEED_SHARED(path);
  const auto file = GgufFile::open(path);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  const auto tokenizer = Tokenizer::from_gguf(*file);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  for (const char letter : {'a', ' ', '\n'}) {
    const std::string text(200'000, letter);
    const auto ids = tokenizer->encode(text, {.add_special = false});
    ASSERT_TRUE(ids.has_value()) << ids.error().message;
    EXPECT_EQ(tokenizer->decode(*ids).value_or("error"), text);
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, RealVocabulary,
                         ::testing::Values("llama-spm", "gpt-2", "starcoder"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(Tokenizer, AnotherPatternIsRefusedByName) {
  const auto path = testing::shared_file("vocab/ggml-vocab-deepseek-coder.gguf");
  IMO_NEED_SHARED(path);
  const auto file = GgufFile::open(path);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_THAT(Tokenizer::from_gguf(*file).error().message, HasSubstr("\"deepseek-coder\""));
}

Tokenizer tiny() {
  GgufWriter writer;
  testing::add_tiny_vocabulary(writer);
  const Bytes bytes = writer.finish();
  return GgufFile::parse(bytes).and_then(Tokenizer::from_gguf).value();
}

TokenId byte_id(std::uint8_t byte) {
  return 3U + byte;
}

// Ids of the pieces of the tiny vocabulary.
constexpr TokenId kSpace = 259;
constexpr TokenId kA = 260;
constexpr TokenId kB = 261;
constexpr TokenId kSpaceA = 262;
constexpr TokenId kAb = 263;
constexpr TokenId kAba = 264;

TEST(SentencePiece, MergesTheBestScoreFirst) {
  const Tokenizer tokenizer = tiny();
  // " a" has a better score than "ab", so it wins although "aba" would be longer.
  EXPECT_EQ(*tokenizer.encode("aba"), (Ids{1, kSpaceA, kB, kA}));
  EXPECT_EQ(*tokenizer.encode("baba"), (Ids{1, kSpace, kB, kAba}));
  EXPECT_EQ(*tokenizer.encode("ab", {.add_special = false}), (Ids{kSpaceA, kB}));
  EXPECT_EQ(*tokenizer.encode(""), (Ids{1}));
}

TEST(SentencePiece, FallsBackToBytes) {
  const Tokenizer tokenizer = tiny();
  EXPECT_EQ(*tokenizer.encode("\u00e9", {.add_special = false}),
            (Ids{kSpace, byte_id(0xC3), byte_id(0xA9)}));
  EXPECT_EQ(tokenizer.decode(Ids{kSpace, byte_id(0xC3), byte_id(0xA9)}).value_or(""), "\u00e9");
  EXPECT_EQ(*tokenizer.encode("\u2581", {.add_special = false}),
            (Ids{kSpace, byte_id(0xE2), byte_id(0x96), byte_id(0x81)}))
      << "the mark for a space, in a text, is not a space";
}

TEST(Tokenizer, ControlTokensInATextAreTextUnlessAsked) {
  const Tokenizer tokenizer = tiny();
  const auto plain = tokenizer.encode("</s>", {.add_special = false});
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(std::count(plain->begin(), plain->end(), 2U), 0);
  EXPECT_EQ(*tokenizer.encode("a</s>a", {.add_special = false, .parse_special = true}),
            (Ids{kSpaceA, 2, kSpaceA}));
}

TEST(Tokenizer, DecodeShowsControlTokensOnlyWhenAsked) {
  const Tokenizer tokenizer = tiny();
  const Ids ids = {1, kSpaceA, kAb, 2};
  EXPECT_EQ(tokenizer.decode(ids).value_or(""), "aab");
  EXPECT_EQ(tokenizer.decode(ids, {.show_special = true}).value_or(""), "<s>aab</s>");
  EXPECT_THAT(tokenizer.decode(Ids{9999}).error().message, HasSubstr("token 9999 is outside"));
  EXPECT_TRUE(tokenizer.is_end(2));
  EXPECT_FALSE(tokenizer.is_end(1));
}

TEST(Tokenizer, BadTextNamesItsByte) {
  const Tokenizer tokenizer = tiny();
  EXPECT_EQ(tokenizer.encode("ab\xFF").error().message, "the text is not UTF-8 at byte 2 (0xFF)");
  EXPECT_FALSE(tokenizer.encode("\xED\xA0\x80").has_value()) << "a surrogate";
  EXPECT_FALSE(tokenizer.encode("\xC0\x80").has_value()) << "an overlong zero";
  EXPECT_FALSE(tokenizer.encode("\xF4\x90\x80\x80").has_value()) << "above U+10FFFF";
  EXPECT_FALSE(tokenizer.encode("\xE2\x82").has_value()) << "cut short";
}

TEST(Tokenizer, TextBeyondTheBoundIsRefused) {
  const Tokenizer tokenizer = tiny();
  const std::string text(Tokenizer::kMaxTextBytes + 1, 'a');
  EXPECT_THAT(tokenizer.encode(text).error().message, HasSubstr("bytes long"));
}

TEST(Tokenizer, RandomTextComesBack) {
  const Tokenizer tokenizer = tiny();
  std::mt19937 random(2);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::uint32_t i = testing::below(random, 20); i > 0; --i) {
      const std::uint32_t pick = testing::below(random, 4);
      std::uint32_t c = pick == 0   ? testing::below(random, 0x110000)
                        : pick == 1 ? ' '
                                    : 'a' + testing::below(random, 3);
      if (c >= 0xD800 && c <= 0xDFFF) c = 'x';
      text += to_utf8(c);
    }
    const auto ids = tokenizer.encode(text, {.add_special = random() % 2 == 0});
    ASSERT_TRUE(ids.has_value()) << ids.error().message;
    ASSERT_EQ(tokenizer.decode(*ids).value_or("error"), text);
  }
}

// They stand in a text, so no space is put before what follows them, nor taken from them.
TEST(SentencePiece, UserDefinedTokensArePartOfTheText) {
  Vocabulary vocabulary = tiny().vocabulary();
  vocabulary.entries.push_back({" <x>", TokenType::kUserDefined, 0});
  const auto tokenizer = Tokenizer::create(vocabulary);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  const TokenId user = kAba + 1;
  EXPECT_EQ(*tokenizer->encode("a <x>a", {.add_special = false}), (Ids{kSpaceA, user, kA}));
  for (const char* text : {" <x>", " <x> a", "a <x>a", " <x> <x>", "<x>"}) {
    const auto ids = tokenizer->encode(text);
    ASSERT_TRUE(ids.has_value()) << ids.error().message;
    EXPECT_EQ(tokenizer->decode(*ids).value_or("error"), text);
  }
}

TEST(StreamDecoder, GivesWholeCharactersOnly) {
  const Tokenizer tokenizer = tiny();
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(kSpaceA).value_or("?"), " a");
  EXPECT_EQ(decoder.push(byte_id(0xF0)).value_or("?"), "");
  EXPECT_EQ(decoder.push(byte_id(0x9F)).value_or("?"), "");
  EXPECT_EQ(decoder.push(byte_id(0xA6)).value_or("?"), "");
  EXPECT_EQ(decoder.push(byte_id(0x99)).value_or("?"), "\U0001F999");
  EXPECT_EQ(decoder.push(byte_id(0xC3)).value_or("?"), "");
  EXPECT_EQ(decoder.push(kA).value_or("?"), "\uFFFDa") << "the character never came";
  EXPECT_EQ(decoder.push(byte_id(0xC3)).value_or("?"), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.finish(), "");
  EXPECT_FALSE(decoder.push(100000).has_value());
}

TEST(StreamDecoder, AtTheStartDropsTheSpaceAsDecodeDoes) {
  const Tokenizer tokenizer = tiny();
  StreamDecoder decoder(tokenizer, true);
  std::string text;
  for (const TokenId id : Ids{1, kSpaceA, kSpaceA}) text += decoder.push(id).value_or("?");
  EXPECT_EQ(text, "a a");
}

TEST(InQuotes, ShowsAnyBytesSafely) {
  EXPECT_EQ(in_quotes("llama"), "\"llama\"");
  EXPECT_EQ(in_quotes("a\xFF\n\"\\"), "\"a\\xFF\\x0A\\x22\\x5C\"");
  EXPECT_EQ(in_quotes(std::string(41, 'x')), "\"" + std::string(40, 'x') + "...\"");
}

TEST(ByteAlphabet, IsABijection) {
  for (int i = 0; i < 256; ++i) {
    const auto byte = static_cast<std::uint8_t>(i);
    EXPECT_EQ(from_byte_alphabet(to_utf8(byte_to_letter(byte))),
              std::string(1, static_cast<char>(byte)));
  }
  EXPECT_EQ(byte_to_letter(' '), 0x120U);
  EXPECT_FALSE(from_byte_alphabet(" ").has_value());
  EXPECT_FALSE(from_byte_alphabet("\u0144").has_value());
}

}  // namespace
}  // namespace imo::model
