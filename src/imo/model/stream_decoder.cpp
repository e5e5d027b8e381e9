#include "imo/model/tokenizer.hpp"
#include "imo/model/utf8.hpp"

#include <fmt/format.h>

namespace imo::model {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool at_start, DecodeOptions options)
    : tokenizer_(&tokenizer),
      at_start_(at_start && tokenizer.vocabulary().add_space_prefix),
      options_(options) {}

Result<std::string> StreamDecoder::push(TokenId id) {
  if (id >= tokenizer_->size()) {
    return invalid(fmt::format("token {} is outside the vocabulary of {}", id, tokenizer_->size()));
  }
  pending_ += tokenizer_->piece_after(at_start_, id, options_);

  std::string whole;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const Utf8Char c = front_char(rest);
    if (c.state == Utf8Char::State::kCutShort) break;
    whole += c.state == Utf8Char::State::kWhole ? rest.substr(0, c.length) : kReplacement;
    rest.remove_prefix(c.length);
  }
  pending_ = std::string(rest);
  return whole;
}

std::string StreamDecoder::finish() {
  const bool is_cut = !pending_.empty();
  pending_.clear();
  return is_cut ? std::string(kReplacement) : std::string();
}

}  // namespace imo::model
