#include "imo/cli/tokenize.hpp"

#include "imo/model/gguf.hpp"
#include "imo/model/program_file.hpp"
#include "imo/model/tokenizer.hpp"

#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace imo::cli {

namespace {

Result<model::Tokenizer> open_tokenizer(const std::filesystem::path& path) {
  if (model::is_program_file(path)) {
    IMO_TRY(model::LoadedProgram loaded, model::load_program(path, {.verify = false}));
    return model::Tokenizer::create(std::move(loaded.program.vocabulary));
  }
  IMO_TRY(const model::GgufFile file, model::GgufFile::open(path));
  return model::Tokenizer::from_gguf(file);
}

Result<std::vector<model::TokenId>> parse_ids(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r\n,";
  std::vector<model::TokenId> ids;
  for (std::size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;
       at = text.find_first_not_of(kBetween, at)) {
    const std::size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    model::TokenId id = 0;
    const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || rest != word.data() + word.size()) {
      return invalid(
          fmt::format("word {} is no token id: '{}'", ids.size() + 1, word.substr(0, 20)));
    }
    ids.push_back(id);
    at = end;
  }
  return ids;
}

}  // namespace

Result<Report> tokenize(const std::filesystem::path& path, std::string_view text, bool special) {
  IMO_TRY(const model::Tokenizer tokenizer, open_tokenizer(path));
  IMO_TRY(const auto ids,
          tokenizer.encode(text, {.add_special = special, .parse_special = special}));
  Report report;
  report.data = {{"count", ids.size()}, {"tokens", ids}};
  report.line(fmt::format("{}", fmt::join(ids, " ")));
  return report;
}

Result<Report> detokenize(const std::filesystem::path& path, std::string_view ids, bool special) {
  IMO_TRY(const model::Tokenizer tokenizer, open_tokenizer(path));
  IMO_TRY(const auto parsed, parse_ids(ids));
  IMO_TRY(const std::string text, tokenizer.decode(parsed, {.show_special = special}));
  Report report;
  report.data = {{"count", parsed.size()}, {"text", text}};
  report.line(text);
  return report;
}

}  // namespace imo::cli
