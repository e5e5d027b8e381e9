#include "imo/model/model_root.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/crypto/merkle.hpp"

#include <algorithm>
#include <concepts>

namespace imo::model {
namespace {

constexpr std::size_t kTableLeaf = 256;
constexpr std::size_t kRowHeader = 12;
constexpr std::size_t kBatchBytes = std::size_t{1} << 20;

template <std::integral T>
void put(std::span<std::uint8_t> to, std::size_t offset, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    to[offset + i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
  }
}

void put_row(std::span<std::uint8_t> to, const WeightTensor& tensor, std::size_t row) {
  put(to, 0, tensor.multipliers[row]);
  put(to, 4, tensor.bias(row));
  const auto weights = tensor.row(row);
  std::transform(weights.begin(), weights.end(), to.begin() + kRowHeader,
                 [](std::int8_t w) { return static_cast<std::uint8_t>(w); });
}

template <std::integral T>
Bytes table_bytes(std::span<const T> entries) {
  const std::size_t size = entries.size() * sizeof(T);
  Bytes bytes((size + kTableLeaf - 1) / kTableLeaf * kTableLeaf);
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

Hash32 tensors_root(const Program& program, ThreadPool* pool) {
  crypto::MerkleRootBuilder builder;
  for (const WeightTensor& tensor : program.tensors) {
    std::array<std::uint8_t, 40> payload{};
    put(payload, 0, tensor.rows);
    put(payload, 4, tensor.columns);
    const Hash32 rows = tensor_root(tensor, pool);
    std::copy(rows.bytes.begin(), rows.bytes.end(), payload.begin() + 8);
    builder.add(crypto::merkle_leaf(payload));
  }
  return builder.root();
}

Hash32 tables_root(const Program& program, ThreadPool* pool) {
  crypto::MerkleRootBuilder builder;
  for (const Table& table : program.tables) {
    std::array<std::uint8_t, 38> payload{};
    payload[0] = static_cast<std::uint8_t>(table.kind);
    payload[1] = static_cast<std::uint8_t>(table.fraction);
    put(payload, 2, static_cast<std::uint32_t>(table.entries()));
    const Hash32 entries = table_root(table, pool);
    std::copy(entries.bytes.begin(), entries.bytes.end(), payload.begin() + 6);
    builder.add(crypto::merkle_leaf(payload));
  }
  return builder.root();
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

}  // namespace

FixedBytes<64> encode_operator(const Operator& op) {
  FixedBytes<64> encoded;
  const std::span<std::uint8_t> to{encoded.bytes};
  to[0] = static_cast<std::uint8_t>(op.kind);
  to[1] = static_cast<std::uint8_t>(output_type(op));
  to[2] = op.bits;
  to[3] = op.shift;
  to[4] = static_cast<std::uint8_t>(op.fraction);
  to[5] = op.pairing;
  put(to, 6, op.layer);
  put(to, 8, op.inputs[0]);
  put(to, 12, op.inputs[1]);
  put(to, 16, op.tensor);
  put(to, 20, op.table);
  put(to, 24, op.width);
  put(to, 28, op.groups);
  put(to, 32, op.kv_groups);
  put(to, 36, op.multiplier);
  put(to, 40, op.rotated);
  put(to, 48, op.constant);
  return encoded;
}

Bytes row_payload(const WeightTensor& tensor, std::uint32_t row) {
  Bytes payload(kRowHeader + tensor.columns);
  put_row(payload, tensor, row);
  return payload;
}

Hash32 tensor_root(const WeightTensor& tensor, ThreadPool* pool) {
  const std::size_t size = kRowHeader + tensor.columns;
  const std::size_t batch = std::max<std::size_t>(4, kBatchBytes / size);
  crypto::MerkleRootBuilder builder;
  Bytes payloads;
  for (std::size_t first = 0; first < tensor.rows; first += batch) {
    const std::size_t count = std::min(batch, tensor.rows - first);
    payloads.resize(count * size);
    for (std::size_t i = 0; i < count; ++i) {
      put_row(std::span(payloads).subspan(i * size, size), tensor, first + i);
    }
    for (const Hash32& leaf : crypto::merkle_leaves(payloads, size, pool)) builder.add(leaf);
  }
  return builder.root();
}

Hash32 table_root(const Table& table, ThreadPool* pool) {
  const Bytes bytes =
      table.kind == TableKind::kExp ? table_bytes(table.wide) : table_bytes(table.narrow);
  return crypto::merkle_root(crypto::merkle_leaves(bytes, kTableLeaf, pool));
}

RootParts root_parts(const Program& program, ThreadPool* pool) {
  RootParts parts;
  parts.operators = operators_root(program);
  parts.tensors = tensors_root(program, pool);
  parts.tables = tables_root(program, pool);
  parts.vocabulary = vocabulary_root(program.vocabulary);
  parts.tokenizer = crypto::keccak256(program.vocabulary.serialize());
  return parts;
}

Hash32 join_root(const Program& program, const RootParts& parts) {
  const std::array<Hash32, 13> words{
      crypto::keccak256(as_bytes("imo.model.1")),
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
