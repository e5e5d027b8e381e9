#include "imo/model/model_root.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/crypto/merkle.hpp"

#include <algorithm>
#include <concepts>

namespace imo::model {
namespace {

constexpr std::size_t kRowHeader = 12;
constexpr std::size_t kGroupBits = kGroupColumns / 2;  // bytes
constexpr std::size_t kBatchBytes = std::size_t{1} << 20;

template <std::integral T>
void put(std::span<std::uint8_t> to, std::size_t offset, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    to[offset + i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
  }
}

std::size_t row_bytes(const WeightTensor& tensor) {
  if (!tensor.is_grouped()) return kRowHeader + tensor.columns;
  const std::size_t of_group = 1 + (tensor.grouped.offsets.empty() ? 0 : 2) + kGroupBits;
  return kRowHeader + tensor.groups() * of_group;
}

// Scales, offsets and bits of the row's groups, all of each before the next.
void put_groups(std::span<std::uint8_t> to, const WeightTensor& tensor, std::size_t row) {
  const GroupedWeights& grouped = tensor.grouped;
  const std::size_t groups = tensor.groups();
  std::size_t at = 0;
  for (const std::int8_t scale : grouped.scales.subspan(row * groups, groups)) {
    to[at++] = static_cast<std::uint8_t>(scale);
  }
  if (!grouped.offsets.empty()) {
    for (const std::int16_t offset : grouped.offsets.subspan(row * groups, groups)) {
      put(to, at, offset);
      at += sizeof offset;
    }
  }
  const auto bits = grouped.bits.subspan(row * groups * kGroupBits, groups * kGroupBits);
  std::copy(bits.begin(), bits.end(), to.begin() + static_cast<std::ptrdiff_t>(at));
}

void put_row(std::span<std::uint8_t> to, const WeightTensor& tensor, std::size_t row) {
  put(to, 0, tensor.multipliers[row]);
  put(to, 4, tensor.bias(row));
  if (tensor.is_grouped()) return put_groups(to.subspan(kRowHeader), tensor, row);
  const auto weights = tensor.row(row);
  std::transform(weights.begin(), weights.end(), to.begin() + kRowHeader,
                 [](std::int8_t w) { return static_cast<std::uint8_t>(w); });
}

template <std::integral T>
Bytes entry_bytes(std::span<const T> entries) {
  const std::size_t size = entries.size() * sizeof(T);
  Bytes bytes((size + kTableLeafBytes - 1) / kTableLeafBytes * kTableLeafBytes);
  for (std::size_t i = 0; i < entries.size(); ++i) put(bytes, i * sizeof(T), entries[i]);
  return bytes;
}

Hash32 word(std::uint64_t value) {
  Hash32 result;
  put(result.bytes, 24, value);
  return result;
}

Hash32 operators_root(const Program& program) {
  crypto::MerkleRootBuilder builder;
  for (const Operator& op : program.operators) {
    builder.add(crypto::merkle_leaf(encode_operator(op)));
  }
  return builder.root();
}

Hash32 tensors_root(const Program& program, std::span<const Hash32> roots) {
  IMO_CHECK(roots.size() == program.tensors.size(), "one root a tensor");
  crypto::MerkleRootBuilder builder;
  for (std::size_t i = 0; i < roots.size(); ++i) {
    builder.add(crypto::merkle_leaf(tensor_payload(program.tensors[i], roots[i])));
  }
  return builder.root();
}

Hash32 tables_root(const Program& program, ThreadPool* pool) {
  crypto::MerkleRootBuilder builder;
  for (const Table& table : program.tables) {
    builder.add(crypto::merkle_leaf(table_payload(table, table_root(table, pool))));
  }
  return builder.root();
}

}  // namespace

FixedBytes<descriptor::kSize> encode_operator(const Operator& op) {
  FixedBytes<descriptor::kSize> encoded;
  const std::span<std::uint8_t> to{encoded.bytes};
  put(to, descriptor::kKind, static_cast<std::uint8_t>(op.kind));
  put(to, descriptor::kOutputType, static_cast<std::uint8_t>(output_type(op)));
  put(to, descriptor::kBits, op.bits);
  put(to, descriptor::kShift, op.shift);
  put(to, descriptor::kFraction, static_cast<std::uint8_t>(op.fraction));
  put(to, descriptor::kPairing, op.pairing);
  put(to, descriptor::kLayer, op.layer);
  put(to, descriptor::kInputs, op.inputs[0]);
  put(to, descriptor::kInputs + 4, op.inputs[1]);
  put(to, descriptor::kTensor, op.tensor);
  put(to, descriptor::kTable, op.table);
  put(to, descriptor::kWidth, op.width);
  put(to, descriptor::kGroups, op.groups);
  put(to, descriptor::kKvGroups, op.kv_groups);
  put(to, descriptor::kMultiplier, op.multiplier);
  put(to, descriptor::kRotated, op.rotated);
  put(to, descriptor::kConstant, op.constant);
  return encoded;
}

FixedBytes<40> tensor_payload(const WeightTensor& tensor, const Hash32& rows) {
  FixedBytes<40> payload;
  put(payload.bytes, 0, tensor.rows);
  put(payload.bytes, 4, tensor.columns);
  std::copy(rows.bytes.begin(), rows.bytes.end(), payload.bytes.begin() + 8);
  return payload;
}

FixedBytes<38> table_payload(const Table& table, const Hash32& entries) {
  FixedBytes<38> payload;
  put(payload.bytes, 0, static_cast<std::uint8_t>(table.kind));
  put(payload.bytes, 1, static_cast<std::uint8_t>(table.fraction));
  put(payload.bytes, 2, static_cast<std::uint32_t>(table.entries()));
  std::copy(entries.bytes.begin(), entries.bytes.end(), payload.bytes.begin() + 6);
  return payload;
}

Bytes table_bytes(const Table& table) {
  return table.kind == TableKind::kExp ? entry_bytes(table.wide) : entry_bytes(table.narrow);
}

Bytes row_payload(const WeightTensor& tensor, std::uint32_t row) {
  Bytes payload(row_bytes(tensor));
  put_row(payload, tensor, row);
  return payload;
}

std::vector<Hash32> tensor_leaves(const WeightTensor& tensor, ThreadPool* pool) {
  const std::size_t size = row_bytes(tensor);
  const std::size_t batch = std::max<std::size_t>(4, kBatchBytes / size);
  std::vector<Hash32> leaves;
  leaves.reserve(tensor.rows);
  Bytes payloads;
  for (std::size_t first = 0; first < tensor.rows; first += batch) {
    const std::size_t count = std::min(batch, tensor.rows - first);
    payloads.resize(count * size);
    for (std::size_t i = 0; i < count; ++i) {
      put_row(std::span(payloads).subspan(i * size, size), tensor, first + i);
    }
    const auto more = crypto::merkle_leaves(payloads, size, pool);
    leaves.insert(leaves.end(), more.begin(), more.end());
  }
  return leaves;
}

Hash32 tensor_root(const WeightTensor& tensor, ThreadPool* pool) {
  return crypto::merkle_root(tensor_leaves(tensor, pool));
}

Hash32 vocabulary_root(const Vocabulary& vocabulary) {
  crypto::MerkleRootBuilder builder;
  Bytes payload;
  for (const VocabularyEntry& entry : vocabulary.entries) {
    payload.assign(1, static_cast<std::uint8_t>(entry.type));
    // A control token keeps its name in the vocabulary, but adds nothing to a text.
    if (entry.type != TokenType::kControl) append(payload, as_bytes(entry.bytes));
    builder.add(crypto::merkle_leaf(payload));
  }
  return builder.root();
}

Hash32 table_root(const Table& table, ThreadPool* pool) {
  return crypto::merkle_root(crypto::merkle_leaves(table_bytes(table), kTableLeafBytes, pool));
}

RootParts root_parts(const Program& program, ThreadPool* pool) {
  std::vector<Hash32> roots;
  for (const WeightTensor& tensor : program.tensors) roots.push_back(tensor_root(tensor, pool));
  return root_parts(program, roots, pool);
}

RootParts root_parts(const Program& program, std::span<const Hash32> tensor_roots,
                     ThreadPool* pool) {
  RootParts parts;
  parts.operators = operators_root(program);
  parts.tensors = tensors_root(program, tensor_roots);
  parts.tables = tables_root(program, pool);
  parts.vocabulary = vocabulary_root(program.vocabulary);
  parts.tokenizer = crypto::keccak256(program.vocabulary.serialize());
  return parts;
}

Hash32 join_root(const Program& program, const RootParts& parts) {
  const std::array<Hash32, 13> words{
      crypto::keccak256(as_bytes(kModelRootTag)),
      word(program.operators.size()),
      parts.operators,
      word(program.tensors.size()),
      parts.tensors,
      word(program.tables.size()),
      parts.tables,
      word(program.vocabulary_size),
      parts.vocabulary,
      parts.tokenizer,
      word(program.context_length),
      word(program.end_token),
      word(std::uint64_t{program.layers} << 32 | program.tail),
  };
  crypto::Keccak256 hash;
  for (const Hash32& each : words) hash.update(each);
  return hash.finish();
}

Hash32 model_root(const Program& program, ThreadPool* pool) {
  return join_root(program, root_parts(program, pool));
}

}  // namespace imo::model
