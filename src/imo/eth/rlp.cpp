#include "imo/eth/rlp.hpp"

#include <string>

namespace imo::eth::rlp {
namespace {

constexpr std::uint8_t kString = 0x80;
constexpr std::uint8_t kList = 0xC0;
constexpr std::size_t kShort = 55;  // the longest payload whose length fits the first byte

void append_header(Bytes& out, std::uint8_t base, std::size_t length) {
  if (length <= kShort) {
    out.push_back(static_cast<std::uint8_t>(base + length));
    return;
  }
  int width = 1;
  while (width < 8 && (length >> (8 * width)) != 0) ++width;
  out.push_back(static_cast<std::uint8_t>(base + kShort + static_cast<std::size_t>(width)));
  for (int i = width - 1; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
}

void append_item(Bytes& out, const Item& item) {
  if (item.is_list()) {
    Bytes payload;
    for (const Item& member : item.items()) append_item(payload, member);
    append_header(out, kList, payload.size());
    append(out, payload);
  } else if (item.bytes().size() == 1 && item.bytes().front() < kString) {
    out.push_back(item.bytes().front());
  } else {
    append_header(out, kString, item.bytes().size());
    append(out, item.bytes());
  }
}

class Reader {
 public:
  explicit Reader(BytesView input) : input_(input) {}

  Result<Item> item(std::size_t end, std::size_t depth) {
    if (position_ >= end) return fault("an item begins where the data ends");
    const std::uint8_t first = input_[position_++];
    if (first < kString) return Item::string(input_.subspan(position_ - 1, 1));
    if (first < kList) return string(first, end);
    return list(first, end, depth);
  }

  [[nodiscard]] std::size_t position() const { return position_; }

  [[nodiscard]] tl::unexpected<Error> fault(const std::string& what) const {
    return invalid("RLP at byte " + std::to_string(position_) + ": " + what);
  }

 private:
  Result<Item> string(std::uint8_t first, std::size_t end) {
    IMO_TRY(const std::size_t length, payload_length(first - kString, end));
    const BytesView bytes = input_.subspan(position_, length);
    if (length == 1 && bytes.front() < kString) return fault("a small byte must stand for itself");
    position_ += length;
    return Item::string(bytes);
  }

  Result<Item> list(std::uint8_t first, std::size_t end, std::size_t depth) {
    if (depth == kMaxDepth) return fault("lists are nested too deeply");
    IMO_TRY(const std::size_t length, payload_length(first - kList, end));
    const std::size_t end_of_list = position_ + length;
    std::vector<Item> items;
    while (position_ < end_of_list) {
      IMO_TRY(Item member, item(end_of_list, depth + 1));
      items.push_back(std::move(member));
    }
    return Item::list(std::move(items));
  }

  /// `code` is the first byte less its base: a length up to 55, or 55 and the width of the length.
  Result<std::size_t> payload_length(int code, std::size_t end) {
    std::size_t length = static_cast<std::size_t>(code);
    if (length > kShort) {
      const std::size_t width = length - kShort;
      if (width > end - position_) return fault("the length is cut off");
      if (input_[position_] == 0) return fault("the length has a leading zero");
      length = 0;
      for (std::size_t i = 0; i < width; ++i) length = (length << 8) | input_[position_++];
      if (length <= kShort) return fault("the length is written longer than it need be");
    }
    if (length > end - position_) return fault("the length goes beyond the data");
    return length;
  }

  BytesView input_;
  std::size_t position_ = 0;
};

}  // namespace

Item Item::string(BytesView bytes) {
  Item item;
  item.bytes_.assign(bytes.begin(), bytes.end());
  return item;
}

Item Item::text(std::string_view text) {
  return string(as_bytes(text));
}

Item Item::number(const U256& value) {
  const Hash32 word = value.to_be();
  const auto size = static_cast<std::size_t>((value.bit_length() + 7) / 8);
  return string(word.view().last(size));
}

Item Item::list(std::vector<Item> items) {
  Item item;
  item.is_list_ = true;
  item.items_ = std::move(items);
  return item;
}

Result<U256> Item::to_number() const {
  if (is_list_) return invalid("RLP: a list where a number belongs");
  if (bytes_.size() > 32) return invalid("RLP: a number of more than 32 bytes");
  if (!bytes_.empty() && bytes_.front() == 0) return invalid("RLP: a number with a leading zero");
  return U256::from_be(bytes_);
}

Result<std::uint64_t> Item::to_u64() const {
  IMO_TRY(const U256 number, to_number());
  const auto small = number.to_u64();
  if (!small) return invalid("RLP: a number of more than 64 bits");
  return *small;
}

Result<BytesView> Item::to_fixed(std::size_t size) const {
  if (is_list_ || bytes_.size() != size) {
    return invalid("RLP: a string of " + std::to_string(size) + " bytes belongs here");
  }
  return BytesView(bytes_);
}

Result<const std::vector<Item>*> Item::to_list(std::size_t count) const {
  if (!is_list_ || items_.size() != count) {
    return invalid("RLP: a list of " + std::to_string(count) + " items belongs here");
  }
  return &items_;
}

Bytes encode(const Item& item) {
  Bytes out;
  append_item(out, item);
  return out;
}

Result<Item> decode(BytesView input) {
  Reader reader(input);
  IMO_TRY(Item item, reader.item(input.size(), 0));
  if (reader.position() != input.size()) return reader.fault("more data behind the item");
  return item;
}

}  // namespace imo::eth::rlp
