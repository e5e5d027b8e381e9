#include "imo/opml/replay_access.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/crypto/merkle.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/range_proof.hpp"

#include <algorithm>

namespace imo::opml {
namespace {

std::uint32_t read_word(BytesView bytes, std::size_t at) {
  return static_cast<std::uint32_t>(read_element(bytes.subspan(at, 4)));
}

Hash32 read_hash(BytesView bytes, std::size_t at) {
  Hash32 hash;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), Hash32::kSize, hash.bytes.begin());
  return hash;
}

}  // namespace

ReplayAccess::ReplayAccess(const StepClaim& claim, BytesView witness)
    : claim_(claim), shape_(claim.shape()), rest_(witness) {}

Checked<void> ReplayAccess::finish() const {
  if (!rest_.empty()) return tl::unexpected(StepFault::kWitnessTooLong);
  return {};
}

Checked<BytesView> ReplayAccess::take(std::uint64_t size) {
  if (size > rest_.size()) return tl::unexpected(StepFault::kWitnessTooShort);
  const BytesView taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

Checked<BytesView> ReplayAccess::take_leaf(std::uint64_t size, std::uint64_t index,
                                           std::uint64_t count, const Hash32& root,
                                           StepFault mismatch) {
  const unsigned height = crypto::merkle_height(count);
  IMO_TRY(const BytesView bytes, take(size + std::uint64_t{Hash32::kSize} * height));
  const BytesView leaf = bytes.first(size);
  std::vector<Hash32> siblings;
  for (std::size_t h = 0; h < height; ++h) {
    siblings.push_back(read_hash(bytes, size + h * Hash32::kSize));
  }
  if (!crypto::merkle_verify(root, count, index, crypto::merkle_leaf(leaf), siblings)) {
    return tl::unexpected(mismatch);
  }
  return leaf;
}

Checked<InputTensor> ReplayAccess::open(std::uint32_t op) {
  IMO_TRY(const BytesView leaf, take_leaf(model::descriptor::kSize, op, claim_.model.operator_count,
                                          claim_.model.operators, StepFault::kOperatorMismatch));
  const model::Operator opened = decode_operator(leaf);
  if (auto fits = check_tensor(opened, op, shape_); !fits) return tl::unexpected(fits.error());
  return InputTensor{op, opened, TensorLayout::of(opened, op, shape_)};
}

Checked<Values> ReplayAccess::read(std::uint32_t op, std::uint64_t offset, std::uint64_t count,
                                   unsigned size) {
  const std::uint64_t first = offset / kLeafBytes;
  const std::uint64_t last = (offset + count * size - 1) / kLeafBytes;
  const std::uint64_t lo = shape_.leaf_index(op, first);
  const std::uint64_t hi = shape_.leaf_index(op, last);
  const std::uint64_t siblings = range_sibling_count(lo, hi, shape_.height()) * Hash32::kSize;
  IMO_TRY(const BytesView bytes, take((last - first + 1) * kLeafBytes + siblings));
  const BytesView leaves = bytes.first(bytes.size() - siblings);
  const Hash32 root = range_root(crypto::merkle_leaves(leaves, kLeafBytes), lo, shape_.height(),
                                 bytes.subspan(leaves.size()));
  if (root != claim_.trace_root) return tl::unexpected(StepFault::kTraceMismatch);
  Values values;
  values.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    values.push_back(read_element(leaves.subspan(offset % kLeafBytes + i * size, size)));
  }
  return values;
}

Checked<Values> ReplayAccess::row(const InputTensor& from, std::uint32_t position,
                                  std::uint64_t first, std::uint64_t count) {
  return read(from.index, from.layout.offset(position, first), count, from.layout.row_bytes());
}

Checked<Values> ReplayAccess::column(const InputTensor& self, std::uint64_t column,
                                     std::uint64_t count) {
  return read(self.index, self.layout.value_offset(column, 0), count, 2);
}

Checked<WeightRow> ReplayAccess::weights(std::uint32_t tensor, std::uint32_t row) {
  const ModelOpening& model = claim_.model;
  if (tensor >= model.tensor_count) return tl::unexpected(StepFault::kTensorOutOfRange);
  IMO_TRY(const BytesView shape,
          take_leaf(40, tensor, model.tensor_count, model.tensors, StepFault::kTensorMismatch));
  const std::uint32_t rows = read_word(shape, 0);
  const std::uint32_t columns = read_word(shape, 4);
  if (row >= rows) return tl::unexpected(StepFault::kRowOutOfRange);
  IMO_TRY(const BytesView bytes, take_leaf(12 + std::uint64_t{columns}, row, rows,
                                           read_hash(shape, 8), StepFault::kRowMismatch));
  WeightRow opened{read_word(bytes, 0), read_element(bytes.subspan(4, 8)), {}};
  for (const std::uint8_t w : bytes.subspan(12)) {
    opened.weights.push_back(static_cast<std::int8_t>(w));
  }
  return opened;
}

Checked<Values> ReplayAccess::table(std::uint32_t table, model::TableKind kind, std::uint64_t first,
                                    std::uint64_t count) {
  const ModelOpening& model = claim_.model;
  if (table >= model.table_count) return tl::unexpected(StepFault::kTableOutOfRange);
  IMO_TRY(const BytesView header,
          take_leaf(38, table, model.table_count, model.tables, StepFault::kTableMismatch));
  if (header[0] != static_cast<std::uint8_t>(kind)) {
    return tl::unexpected(StepFault::kBadDescriptor);
  }
  const std::uint64_t entries = read_word(header, 2);
  if (first >= entries || count > entries - first) {
    return tl::unexpected(StepFault::kEntryOutOfRange);
  }
  // Entries are read one at a time or as a pair of 2 bytes each at an even place: from one leaf.
  const unsigned size = model::table_entry_bytes(kind);
  const std::uint64_t leaves = (entries * size + kLeafBytes - 1) / kLeafBytes;
  IMO_TRY(const BytesView leaf, take_leaf(kLeafBytes, first * size / kLeafBytes, leaves,
                                          read_hash(header, 6), StepFault::kEntryMismatch));
  Values values;
  for (std::uint64_t i = first; i < first + count; ++i) {
    values.push_back(read_element(leaf.subspan(i * size % kLeafBytes, size)));
  }
  return values;
}

Checked<std::uint32_t> ReplayAccess::token(std::uint32_t position) {
  const bool is_prompt = position < claim_.prompt_count;
  const std::uint32_t count = is_prompt ? claim_.prompt_count : claim_.output_count;
  IMO_TRY(const BytesView packed, take(std::uint64_t{4} * count));
  if (crypto::keccak256(packed) != (is_prompt ? claim_.prompt_hash : claim_.output_hash)) {
    return tl::unexpected(StepFault::kTokensMismatch);
  }
  return read_word(packed,
                   std::size_t{4} * (is_prompt ? position : position - claim_.prompt_count));
}

}  // namespace imo::opml
