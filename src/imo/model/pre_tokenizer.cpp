#include "imo/model/pre_tokenizer.hpp"

#include "imo/base/check.hpp"
#include "imo/model/unicode_tables.hpp"
#include "imo/model/utf8.hpp"

#include <algorithm>

namespace imo::model {
namespace {

/// Text as a row of character classes; positions count characters, `end` is one past the last.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {
    std::size_t at = 0;
    while (at < text.size()) {
      const Utf8Char c = front_char(text.substr(at));
      IMO_CHECK(c.state == Utf8Char::State::kWhole, "pre_tokenize wants valid UTF-8");
      classes_.push_back(char_class(c.code_point));
      offsets_.push_back(static_cast<std::uint32_t>(at));
      at += c.length;
    }
    offsets_.push_back(static_cast<std::uint32_t>(text.size()));
  }

  [[nodiscard]] std::size_t size() const { return classes_.size(); }

  [[nodiscard]] std::string_view between(std::size_t from, std::size_t to) const {
    return text_.substr(offsets_[from], offsets_[to] - offsets_[from]);
  }

  [[nodiscard]] bool is(std::size_t at, std::size_t end, CharClass wanted) const {
    return at < end && classes_[at] == wanted;
  }

  [[nodiscard]] bool is_white(std::size_t at, std::size_t end) const {
    return is(at, end, CharClass::kSpace) || is(at, end, CharClass::kNewline);
  }

  /// The ASCII character at `at`; 0 for any other and past the end.
  [[nodiscard]] char ascii(std::size_t at, std::size_t end) const {
    return at < end && offsets_[at + 1] - offsets_[at] == 1 ? text_[offsets_[at]] : '\0';
  }

  /// One past the last of the characters of class `wanted` that follow each other from `at`.
  [[nodiscard]] std::size_t run(std::size_t at, std::size_t end, CharClass wanted) const {
    while (is(at, end, wanted)) ++at;
    return at;
  }

  [[nodiscard]] std::size_t run_white(std::size_t at, std::size_t end) const {
    while (is_white(at, end)) ++at;
    return at;
  }

 private:
  std::string_view text_;
  std::vector<CharClass> classes_;
  std::vector<std::uint32_t> offsets_;
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// 's|'t|'re|'ve|'m|'ll|'d: its end, or `at` when there is none.
std::size_t contraction(const Scanner& text, std::size_t at, std::size_t end, bool any_case) {
  if (text.ascii(at, end) != '\'') return at;
  const auto letter = [&](std::size_t index) {
    const char c = text.ascii(index, end);
    return any_case ? lower(c) : c;
  };
  const char first = letter(at + 1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  const char second = letter(at + 2);
  const bool two = (first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
                   (first == 'l' && second == 'l');
  return two ? at + 3 : at;
}

// \s+(?!\S)|\s+ : white space leaves its last character to the word behind it.
std::size_t white(const Scanner& text, std::size_t at, std::size_t end) {
  const std::size_t stop = text.run_white(at, end);
  return stop == end || stop - at == 1 ? stop : stop - 1;
}

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::size_t next_gpt2(const Scanner& text, std::size_t at, std::size_t end) {
  if (const std::size_t stop = contraction(text, at, end, false); stop != at) return stop;
  const std::size_t word = text.ascii(at, end) == ' ' ? at + 1 : at;
  for (const CharClass kind : {CharClass::kLetter, CharClass::kNumber, CharClass::kOther}) {
    if (text.is(word, end, kind)) return text.run(word, end, kind);
  }
  return white(text, at, end);
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,k}| ?[^\s\p{L}\p{N}]+[\r\n]*
// |\s*[\r\n]+|\s+(?!\S)|\s+   with k = 3 for llama 3 and 1 for qwen2.
std::size_t next_llama3(const Scanner& text, std::size_t at, std::size_t end,
                        std::size_t most_digits) {
  if (const std::size_t stop = contraction(text, at, end, true); stop != at) return stop;
  if (text.is(at, end, CharClass::kLetter)) return text.run(at, end, CharClass::kLetter);
  if (text.is(at, end, CharClass::kNumber)) {
    return text.run(at, std::min(end, at + most_digits), CharClass::kNumber);
  }
  const bool is_newline = text.is(at, end, CharClass::kNewline);
  if (!is_newline && text.is(at + 1, end, CharClass::kLetter)) {
    return text.run(at + 1, end, CharClass::kLetter);
  }
  const std::size_t symbols = text.ascii(at, end) == ' ' ? at + 1 : at;
  if (text.is(symbols, end, CharClass::kOther)) {
    return text.run(text.run(symbols, end, CharClass::kOther), end, CharClass::kNewline);
  }
  for (std::size_t last = text.run_white(at, end); last > at; --last) {
    if (text.is(last - 1, end, CharClass::kNewline)) return last;
  }
  return white(text, at, end);
}

void cut_gpt2(const Scanner& text, std::size_t from, std::size_t to,
              std::vector<std::string_view>& pieces) {
  while (from < to) {
    const std::size_t stop = next_gpt2(text, from, to);
    pieces.push_back(text.between(from, stop));
    from = stop;
  }
}

// \p{N} first, each alone; then what lies between, as gpt-2 does.
void cut_smollm(const Scanner& text, std::vector<std::string_view>& pieces) {
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!text.is(at, text.size(), CharClass::kNumber)) continue;
    cut_gpt2(text, from, at, pieces);
    pieces.push_back(text.between(at, at + 1));
    from = at + 1;
  }
  cut_gpt2(text, from, text.size(), pieces);
}

void cut_llama3(const Scanner& text, std::size_t most_digits,
                std::vector<std::string_view>& pieces) {
  std::size_t from = 0;
  while (from < text.size()) {
    const std::size_t stop = next_llama3(text, from, text.size(), most_digits);
    pieces.push_back(text.between(from, stop));
    from = stop;
  }
}

}  // namespace

std::vector<std::string_view> pre_tokenize(PreTokenizer pattern, std::string_view text) {
  std::vector<std::string_view> pieces;
  if (text.empty()) return pieces;
  if (pattern == PreTokenizer::kNone) return {text};
  const Scanner scanner(text);
  switch (pattern) {
    case PreTokenizer::kNone:
      break;
    case PreTokenizer::kGpt2:
      cut_gpt2(scanner, 0, scanner.size(), pieces);
      break;
    case PreTokenizer::kSmolLm:
      cut_smollm(scanner, pieces);
      break;
    case PreTokenizer::kLlama3:
      cut_llama3(scanner, 3, pieces);
      break;
    case PreTokenizer::kQwen2:
      cut_llama3(scanner, 1, pieces);
      break;
  }
  return pieces;
}

}  // namespace imo::model
