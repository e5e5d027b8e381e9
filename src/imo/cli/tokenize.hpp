/// `imo tokenize`: text to token ids and back, with a model's own tokenizer.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/report.hpp"

#include <filesystem>
#include <string_view>

namespace imo::cli {

/// The ids of `text`. `special`: with the begin and end tokens that the vocabulary asks for, and
/// control tokens in the text read as what they name. `path`: `.imo`, or a GGUF file, which need
/// not hold more than a vocabulary.
Result<Report> tokenize(const std::filesystem::path& path, std::string_view text, bool special);

/// The text of ids in decimal, separated by white space or commas. `special`: control tokens by
/// name instead of as nothing. The report has the bytes as they are; in JSON, bytes that are no
/// UTF-8 become U+FFFD.
Result<Report> detokenize(const std::filesystem::path& path, std::string_view ids, bool special);

}  // namespace imo::cli
