#include "imo/model/vocabulary.hpp"

#include "imo/base/check.hpp"

#include <limits>
#include <utility>

#include <fmt/format.h>

namespace imo::model {
namespace {

// The byte form, numbers big-endian:
//   "imo vocabulary 1\n"
//   u8 kind, u8 pre-tokenizer, u8 flags (1 add_begin, 2 add_end, 4 add_space_prefix)
//   u32 begin, end, end_of_turn, unknown (all ones: none)
//   u32 entries: u8 type, u32 rank, u32 length, bytes
//   u32 merges: u32 left, right, result
//   u32 length, bytes of the chat template
constexpr std::string_view kMagic = "imo vocabulary 1\n";
constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kShortestEntry = 9;
constexpr std::size_t kMergeSize = 12;

void put_u32(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

void put_text(Bytes& out, std::string_view text) {
  IMO_CHECK(text.size() < kNone, "a text of 4 GiB in a vocabulary");
  put_u32(out, static_cast<std::uint32_t>(text.size()));
  append(out, as_bytes(text));
}

/// Takes the byte form apart, front to back.
class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes) {}

  Result<BytesView> take(std::size_t size, std::string_view what) {
    if (size > left()) {
      return invalid(fmt::format("vocabulary, offset {}: {} needs {} bytes, {} are left", at_, what,
                                 size, left()));
    }
    at_ += size;
    return bytes_.subspan(at_ - size, size);
  }

  Result<std::uint8_t> byte(std::string_view what, std::uint8_t greatest) {
    IMO_TRY(const BytesView bytes, take(1, what));
    if (bytes[0] > greatest) return wrong(what, bytes[0]);
    return bytes[0];
  }

  Result<std::uint32_t> u32(std::string_view what) {
    IMO_TRY(const BytesView b, take(4, what));
    return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) | (std::uint32_t{b[2]} << 8) |
           b[3];
  }

  /// A count of things that take at least `size` bytes each: what is left bounds it.
  Result<std::uint32_t> count(std::string_view what, std::size_t size) {
    IMO_TRY(const std::uint32_t value, u32(what));
    if (value > left() / size) return wrong(what, value);
    return value;
  }

  Result<std::string> text(std::string_view what) {
    IMO_TRY(const std::uint32_t length, u32(what));
    IMO_TRY(const BytesView bytes, take(length, what));
    return std::string(as_text(bytes));
  }

  Result<std::optional<TokenId>> id(std::string_view what) {
    IMO_TRY(const std::uint32_t value, u32(what));
    return value == kNone ? std::nullopt : std::optional<TokenId>(value);
  }

  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

 private:
  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view what, std::uint32_t value) const {
    return invalid(fmt::format("vocabulary, before offset {}: {} cannot be {}", at_, what, value));
  }

  BytesView bytes_;
  std::size_t at_ = 0;
};

Result<VocabularyEntry> read_entry(Reader& reader) {
  VocabularyEntry entry;
  IMO_TRY(const std::uint8_t type, reader.byte("token type", 6));
  if (type == 0) return invalid("vocabulary: a token has type 0");
  entry.type = static_cast<TokenType>(type);
  IMO_TRY(entry.rank, reader.u32("rank"));
  IMO_TRY(entry.bytes, reader.text("token"));
  return entry;
}

Result<void> read_head(Reader& reader, Vocabulary& vocabulary) {
  IMO_TRY(const BytesView magic, reader.take(kMagic.size(), "the head"));
  if (as_text(magic) != kMagic) return invalid("vocabulary: it does not begin as one does");
  IMO_TRY(const std::uint8_t kind, reader.byte("kind", 1));
  IMO_TRY(const std::uint8_t pattern, reader.byte("pre-tokenizer", 4));
  IMO_TRY(const std::uint8_t flags, reader.byte("flags", 7));
  vocabulary.kind = static_cast<TokenizerKind>(kind);
  vocabulary.pre_tokenizer = static_cast<PreTokenizer>(pattern);
  vocabulary.add_begin = (flags & 1) != 0;
  vocabulary.add_end = (flags & 2) != 0;
  vocabulary.add_space_prefix = (flags & 4) != 0;
  IMO_TRY(vocabulary.begin, reader.id("begin token"));
  IMO_TRY(vocabulary.end, reader.id("end token"));
  IMO_TRY(vocabulary.end_of_turn, reader.id("end-of-turn token"));
  IMO_TRY(vocabulary.unknown, reader.id("unknown token"));
  return {};
}

}  // namespace

Bytes Vocabulary::serialize() const {
  Bytes out;
  append(out, as_bytes(kMagic));
  out.push_back(static_cast<std::uint8_t>(kind));
  out.push_back(static_cast<std::uint8_t>(pre_tokenizer));
  out.push_back(static_cast<std::uint8_t>((add_begin ? 1 : 0) | (add_end ? 2 : 0) |
                                          (add_space_prefix ? 4 : 0)));
  for (const auto& id : {begin, end, end_of_turn, unknown}) put_u32(out, id.value_or(kNone));
  put_u32(out, static_cast<std::uint32_t>(entries.size()));
  for (const VocabularyEntry& entry : entries) {
    out.push_back(static_cast<std::uint8_t>(entry.type));
    put_u32(out, entry.rank);
    put_text(out, entry.bytes);
  }
  put_u32(out, static_cast<std::uint32_t>(merges.size()));
  for (const Merge& merge : merges) {
    put_u32(out, merge.left);
    put_u32(out, merge.right);
    put_u32(out, merge.result);
  }
  put_text(out, chat_template);
  return out;
}

Result<Vocabulary> Vocabulary::deserialize(BytesView bytes) {
  Reader reader(bytes);
  Vocabulary vocabulary;
  IMO_TRY_VOID(read_head(reader, vocabulary));
  IMO_TRY(const std::uint32_t entry_count, reader.count("number of tokens", kShortestEntry));
  vocabulary.entries.reserve(entry_count);
  for (std::uint32_t i = 0; i < entry_count; ++i) {
    IMO_TRY(VocabularyEntry entry, read_entry(reader));
    vocabulary.entries.push_back(std::move(entry));
  }
  IMO_TRY(const std::uint32_t merge_count, reader.count("number of merges", kMergeSize));
  vocabulary.merges.reserve(merge_count);
  for (std::uint32_t i = 0; i < merge_count; ++i) {
    Merge merge{};
    IMO_TRY(merge.left, reader.u32("merge"));
    IMO_TRY(merge.right, reader.u32("merge"));
    IMO_TRY(merge.result, reader.u32("merge"));
    vocabulary.merges.push_back(merge);
  }
  IMO_TRY(vocabulary.chat_template, reader.text("chat template"));
  if (reader.left() != 0) {
    return invalid(fmt::format("vocabulary: {} bytes behind its end", reader.left()));
  }
  IMO_TRY_VOID(vocabulary.check());
  return vocabulary;
}

}  // namespace imo::model
