#include "imo/model/pre_tokenizer.hpp"

#include "imo/model/unicode_tables.hpp"
#include "imo/model/utf8.hpp"

#include <random>
#include <string>

#include <gtest/gtest.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace imo::model {
namespace {

using Pieces = std::vector<std::string_view>;

/// The published expressions, run by PCRE2: the slow twin of the scanners.
class Expression {
 public:
  explicit Expression(const char* pattern) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED,
                          PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr);
    EXPECT_NE(code_, nullptr) << "at " << offset;
    match_ = pcre2_match_data_create_from_pattern(code_, nullptr);
  }
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;
  ~Expression() {
    pcre2_match_data_free(match_);
    pcre2_code_free(code_);
  }

  /// The matches in order, which cover all of `text`.
  Pieces cut(std::string_view text) const {
    Pieces pieces;
    PCRE2_SIZE at = 0;
    while (at < text.size()) {
      const int found = pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                    at, 0, match_, nullptr);
      if (found < 0) break;
      const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(match_);
      EXPECT_EQ(ends[0], at) << "a gap between matches";
      pieces.push_back(text.substr(ends[0], ends[1] - ends[0]));
      at = ends[1];
    }
    EXPECT_EQ(at, text.size());
    return pieces;
  }

  /// The number of the group that matches all of `text`.
  std::size_t group_of(std::string_view text) const {
    const int found = pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                                  PCRE2_ANCHORED, match_, nullptr);
    return found < 1 ? 0 : static_cast<std::size_t>(found - 1);
  }

 private:
  pcre2_code* code_ = nullptr;
  pcre2_match_data* match_ = nullptr;
};

constexpr const char* kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama3 =
    R"('[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2 =
    R"('[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Characters on which the expressions turn, and some from all over Unicode.
std::string random_text(std::mt19937& random) {
  static const std::string kCommon[] = {
      " ",      " ",      "  ",     "\n",         "\r\n",   "\t",     "'",      "'s",
      "'LL",    "'Ve",    "'re",    "a",          "B",      "word",   "0",      "12",
      "3456",   "!",      "...",    "\u00a0",     "\u3000", "\u00e9", "\u0301", "\u4e2d\u6587",
      "\u00b2", "\u216b", "\u0e33", "\U0001F680", "\u200d", "\u2028", "_",      "\u0660",
      "\u017f"};
  std::string text;
  const std::size_t parts = random() % 24;
  for (std::size_t i = 0; i < parts; ++i) {
    text += kCommon[random() % std::size(kCommon)];
  }
  return text;
}

void compare(PreTokenizer pattern, const char* published) {
  const Expression expression(published);
  std::mt19937 random(3);
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random_text(random);
    ASSERT_EQ(pre_tokenize(pattern, text), expression.cut(text)) << text;
  }
}

TEST(PreTokenizer, Gpt2IsItsExpression) {
  compare(PreTokenizer::kGpt2, kGpt2);
}
TEST(PreTokenizer, Llama3IsItsExpression) {
  compare(PreTokenizer::kLlama3, kLlama3);
}
TEST(PreTokenizer, Qwen2IsItsExpression) {
  compare(PreTokenizer::kQwen2, kQwen2);
}

TEST(PreTokenizer, SmolLmCutsDigitsFirst) {
  const Expression digit(R"(\p{N}|\P{N}+)");
  const Expression rest(kGpt2);
  std::mt19937 random(5);
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random_text(random);
    Pieces expected;
    for (const std::string_view part : digit.cut(text)) {
      for (const std::string_view piece : rest.cut(part)) expected.push_back(piece);
    }
    ASSERT_EQ(pre_tokenize(PreTokenizer::kSmolLm, text), expected) << text;
  }
}

TEST(PreTokenizer, ByHand) {
  EXPECT_EQ(pre_tokenize(PreTokenizer::kGpt2, "I'll  go 42\n"),
            (Pieces{"I", "'ll", " ", " go", " 42", "\n"}));
  EXPECT_EQ(pre_tokenize(PreTokenizer::kLlama3, "I'LL pay\t12345!\n\nOk"),
            (Pieces{"I", "'LL", " pay", "\t", "123", "45", "!\n\n", "Ok"}));
  EXPECT_EQ(pre_tokenize(PreTokenizer::kQwen2, "42"), (Pieces{"4", "2"}));
  EXPECT_EQ(pre_tokenize(PreTokenizer::kNone, "a b"), (Pieces{"a b"}));
  EXPECT_EQ(pre_tokenize(PreTokenizer::kLlama3, ""), Pieces{});
}

// By DerivedAge and UnicodeData.
constexpr std::size_t kLettersAndNumbersNewInUnicode15 = 4388;

// Every character but U+180E (white space to PCRE2, not to Unicode since 6.3).
TEST(CharClass, AgreesWithPcre2) {
  const Expression classes(R"((\p{L})|(\p{N})|([\r\n])|(\s)|([^\s\p{L}\p{N}]))");
  constexpr CharClass kOfGroup[] = {CharClass::kOther,   CharClass::kLetter, CharClass::kNumber,
                                    CharClass::kNewline, CharClass::kSpace,  CharClass::kOther};
  std::size_t different = 0;
  for (std::uint32_t c = 1; c <= 0x10FFFF; ++c) {
    if ((c >= 0xD800 && c <= 0xDFFF) || c == 0x180E) continue;
    if (char_class(c) != kOfGroup[classes.group_of(to_utf8(c))]) ++different;
  }
  // PCRE2 10.42 has the tables of Unicode 14: what came with 15 is unassigned there.
  EXPECT_LE(different, kLettersAndNumbersNewInUnicode15);
}

}  // namespace
}  // namespace imo::model
