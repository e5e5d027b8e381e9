#include "imo/model/sentence_piece_scores.hpp"

#include "imo/model/little_endian.hpp"

#include <fmt/format.h>

namespace imo::model {
namespace {

enum WireType : std::uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// The fields of one message, one behind the other. Offsets are those of the file.
class Message {
 public:
  explicit Message(BytesView bytes, std::size_t offset = 0) : bytes_(bytes), begin_(offset) {}

  struct Field {
    std::uint64_t number = 0;
    std::uint64_t type = kVarint;
    BytesView bytes;         ///< the value, but for a varint
    std::size_t offset = 0;  ///< of `bytes`
  };

  [[nodiscard]] bool is_done() const { return at_ == bytes_.size(); }

  Result<Field> next() {
    Field field;
    IMO_TRY(const std::uint64_t tag, varint());
    field.number = tag >> 3;
    field.type = tag & 7;
    std::uint64_t size = 0;
    switch (field.type) {
      case kVarint:
        IMO_TRY_VOID(varint());
        break;
      case kFixed64:
        size = 8;
        break;
      case kBytes: {
        IMO_TRY(size, varint());
        break;
      }
      case kFixed32:
        size = 4;
        break;
      default:
        return fault("a field of a kind that there is not");
    }
    if (size > bytes_.size() - at_) return fault("a field that reaches beyond its message");
    field.bytes = bytes_.subspan(at_, static_cast<std::size_t>(size));
    field.offset = begin_ + at_;
    at_ += static_cast<std::size_t>(size);
    return field;
  }

 private:
  Result<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (is_done()) return fault("a number that does not end");
      const std::uint8_t byte = bytes_[at_++];
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    return fault("a number of more than 64 bits");
  }

  [[nodiscard]] tl::unexpected<Error> fault(std::string_view what) const {
    return invalid(fmt::format("tokenizer.model: at byte {} is {}", begin_ + at_, what));
  }

  BytesView bytes_;
  std::size_t begin_;
  std::size_t at_ = 0;
};

// Numbers of single precision are ordered as their bits are, sign and magnitude.
Result<std::int32_t> order_of(const Message::Field& score) {
  const std::uint32_t bits = load_u32(score.bytes.data());
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) {
    return invalid(fmt::format("tokenizer.model: the score at byte {} is NaN", score.offset));
  }
  const auto order = static_cast<std::int32_t>(magnitude);
  return magnitude == bits ? order : -order;
}

Result<ScoredPiece> read_piece(Message message) {
  ScoredPiece piece;
  while (!message.is_done()) {
    IMO_TRY(const Message::Field field, message.next());
    if (field.number == 1 && field.type == kBytes) {
      piece.text.assign(field.bytes.begin(), field.bytes.end());
    } else if (field.number == 2 && field.type == kFixed32) {
      IMO_TRY(piece.order, order_of(field));
    }
  }
  return piece;
}

}  // namespace

Result<std::vector<ScoredPiece>> read_sentence_piece_scores(BytesView file) {
  std::vector<ScoredPiece> pieces;
  Message message(file);
  while (!message.is_done()) {
    IMO_TRY(const Message::Field field, message.next());
    if (field.number != 1 || field.type != kBytes) continue;
    IMO_TRY(ScoredPiece piece, read_piece(Message(field.bytes, field.offset)));
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

}  // namespace imo::model
