// What a model's root commits to, opened piece by piece.

#include "imo/base/check.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/crypto/merkle.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/witness.hpp"

#include <optional>

namespace imo::opml {
namespace {

Hash32 word(std::uint64_t value) {
  Hash32 result;
  write_element(std::span(result.bytes).subspan(24), static_cast<std::int64_t>(value));
  return result;
}

void append_proof(Bytes& to, const crypto::MerkleTree& tree, std::uint64_t index) {
  for (const Hash32& sibling : tree.proof(index)) append(to, sibling);
}

}  // namespace

std::array<Hash32, 12> ModelOpening::words() const {
  return {word(operator_count),
          operators,
          word(tensor_count),
          tensors,
          word(table_count),
          tables,
          word(vocabulary_size),
          vocabulary,
          tokenizer,
          word(context_length),
          word(end_token),
          word(layers << 32 | tail)};
}

Hash32 ModelOpening::root() const {
  crypto::Keccak256 hash;
  hash.update(crypto::keccak256(as_bytes(model::kModelRootTag)));
  for (const Hash32& each : words()) hash.update(each);
  return hash.finish();
}

struct ModelProver::State {
  using Tree = crypto::MerkleTree;

  State(const model::Program& of, ThreadPool* threads)
      : program(of),
        pool(threads),
        operators(operator_leaves()),
        tensors(tensor_leaves()),
        tables(table_leaves()) {
    opening = {program.operators.size(),
               operators.root(),
               program.tensors.size(),
               tensors.root(),
               program.tables.size(),
               tables.root(),
               program.vocabulary_size,
               model::vocabulary_root(program.vocabulary),
               crypto::keccak256(program.vocabulary.serialize()),
               program.context_length,
               program.end_token,
               program.layers,
               program.tail};
  }

  std::vector<Hash32> operator_leaves() const {
    std::vector<Hash32> leaves;
    for (const model::Operator& op : program.operators) {
      leaves.push_back(crypto::merkle_leaf(encode_operator(op)));
    }
    return leaves;
  }

  std::vector<Hash32> tensor_leaves() {
    std::vector<Hash32> leaves;
    for (const model::WeightTensor& tensor : program.tensors) {
      tensor_payloads.push_back(tensor_payload(tensor, tensor_root(tensor, pool)));
      leaves.push_back(crypto::merkle_leaf(tensor_payloads.back()));
    }
    return leaves;
  }

  std::vector<Hash32> table_leaves() {
    std::vector<Hash32> leaves;
    for (const model::Table& table : program.tables) {
      const Tree& entries = table_trees.emplace_back(
          crypto::merkle_leaves(table_bytes(table), model::kTableLeafBytes, pool));
      table_payloads.push_back(table_payload(table, entries.root()));
      leaves.push_back(crypto::merkle_leaf(table_payloads.back()));
    }
    return leaves;
  }

  /// The tree over the rows of `tensor`.
  const Tree& rows(std::uint32_t tensor) {
    if (!row_tree || row_tree_of != tensor) {
      row_tree.emplace(model::tensor_leaves(program.tensors[tensor], pool));
      row_tree_of = tensor;
    }
    return *row_tree;
  }

  const model::Program& program;
  ThreadPool* pool;
  std::vector<FixedBytes<40>> tensor_payloads;
  std::vector<FixedBytes<38>> table_payloads;
  std::vector<Tree> table_trees;
  Tree operators;
  Tree tensors;
  Tree tables;
  ModelOpening opening;
  std::optional<Tree> row_tree;  ///< of the last tensor that a row was wanted of
  std::uint32_t row_tree_of = 0;
};

ModelProver::ModelProver(const model::Program& program, ThreadPool* pool)
    : state_(std::make_unique<State>(program, pool)) {}
ModelProver::~ModelProver() = default;
ModelProver::ModelProver(ModelProver&&) noexcept = default;
ModelProver& ModelProver::operator=(ModelProver&&) noexcept = default;

const model::Program& ModelProver::program() const {
  return state_->program;
}

const ModelOpening& ModelProver::opening() const {
  return state_->opening;
}

Bytes ModelProver::operator_opening(std::uint32_t op) const {
  IMO_CHECK(op < state_->program.operators.size(), "no such operator");
  Bytes bytes;
  append(bytes, encode_operator(state_->program.operators[op]));
  append_proof(bytes, state_->operators, op);
  return bytes;
}

Bytes ModelProver::tensor_opening(std::uint32_t tensor) const {
  IMO_CHECK(tensor < state_->tensor_payloads.size(), "no such tensor");
  Bytes bytes;
  append(bytes, state_->tensor_payloads[tensor]);
  append_proof(bytes, state_->tensors, tensor);
  return bytes;
}

Bytes ModelProver::row_opening(std::uint32_t tensor, std::uint32_t row) const {
  IMO_CHECK(tensor < state_->tensor_payloads.size(), "no such tensor");
  const model::WeightTensor& of = state_->program.tensors[tensor];
  IMO_CHECK(row < of.rows, "no such row");
  Bytes bytes = model::row_payload(of, row);
  append_proof(bytes, state_->rows(tensor), row);
  return bytes;
}

Bytes ModelProver::table_opening(std::uint32_t table) const {
  IMO_CHECK(table < state_->table_payloads.size(), "no such table");
  Bytes bytes;
  append(bytes, state_->table_payloads[table]);
  append_proof(bytes, state_->tables, table);
  return bytes;
}

Bytes ModelProver::entry_opening(std::uint32_t table, std::uint64_t entry) const {
  IMO_CHECK(table < state_->table_payloads.size(), "no such table");
  const model::Table& of = state_->program.tables[table];
  IMO_CHECK(entry < of.entries(), "no such entry");
  const std::uint64_t leaf = entry * table_entry_bytes(of.kind) / model::kTableLeafBytes;
  const Bytes all = table_bytes(of);
  Bytes bytes;
  append(bytes, BytesView(all).subspan(leaf * model::kTableLeafBytes, model::kTableLeafBytes));
  append_proof(bytes, state_->table_trees[table], leaf);
  return bytes;
}

}  // namespace imo::opml
