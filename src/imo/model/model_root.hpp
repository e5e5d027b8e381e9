/// The commitment that names a model: one hash over program, weights, tables and vocabulary.
///
/// Everything is Keccak-256 in the trees of crypto/merkle.hpp, so that a contract which knows the
/// root can be shown one operator, one row of weights, 256 bytes of a table, or one token's text.
/// All numbers are big-endian, negative ones in two's complement.
///
/// | tree       | leaf i                                                                        |
/// |------------|-------------------------------------------------------------------------------|
/// | operators  | the 64 bytes of encode_operator                                               |
/// | tensor     | row i: multiplier (4 bytes), bias (8), weights (one byte a column); of        |
/// |            | grouped weights: multiplier, bias, scales (1 a group), offsets (2 a group,    |
/// |            | where there are any), bits (16 a group)                                       |
/// | tensors    | tensor i: rows (4), columns (4), root of its rows (32)                        |
/// | table      | bytes [256 i, 256 i + 256) of its entries, 4 bytes each in kExp and 2 in      |
/// |            | others; the last leaf is filled up with zeros                                 |
/// | tables     | table i: kind (1), fraction (1), entries (4), root of its leaves (32)         |
/// | vocabulary | token i: its type (1), the bytes that it adds to a text                       |
///
/// The root is the hash of 13 words of 32 bytes: keccak("imo.model.1"), then the number and the
/// root of operators, tensors and tables, then tokens, root of the vocabulary, hash of the
/// tokenizer's bytes (Vocabulary::serialize), and context length, end token (2^32 - 1: none) and
/// layers << 32 | tail. The name, the licence and the source file are not part of it.
#pragma once

#include "imo/model/program.hpp"

#include <string_view>

namespace imo {
class ThreadPool;
}

namespace imo::model {

/// Its keccak is the first word that the root is the hash of.
inline constexpr std::string_view kModelRootTag = "imo.model.1";

/// Offsets of fields in the committed form of an operator; what lies between them is zero.
namespace descriptor {
inline constexpr std::size_t kKind = 0;
inline constexpr std::size_t kOutputType = 1;
inline constexpr std::size_t kBits = 2;
inline constexpr std::size_t kShift = 3;
inline constexpr std::size_t kFraction = 4;
inline constexpr std::size_t kPairing = 5;
inline constexpr std::size_t kLayer = 6;
inline constexpr std::size_t kInputs = 8;  ///< two, 4 bytes each
inline constexpr std::size_t kTensor = 16;
inline constexpr std::size_t kTable = 20;
inline constexpr std::size_t kWidth = 24;
inline constexpr std::size_t kGroups = 28;
inline constexpr std::size_t kKvGroups = 32;
inline constexpr std::size_t kMultiplier = 36;
inline constexpr std::size_t kRotated = 40;
inline constexpr std::size_t kConstant = 48;
inline constexpr std::size_t kSize = 64;
}  // namespace descriptor

/// What the root is the hash of.
struct RootParts {
  Hash32 operators;
  Hash32 tensors;
  Hash32 tables;
  Hash32 vocabulary;
  Hash32 tokenizer;
};

/// The same on any machine and for any `pool`.
RootParts root_parts(const Program& program, ThreadPool* pool = nullptr);
/// The same for who has the tensors' roots, in their order: no weight is read.
RootParts root_parts(const Program& program, std::span<const Hash32> tensor_roots,
                     ThreadPool* pool = nullptr);

/// Joins the parts with the program's numbers.
Hash32 join_root(const Program& program, const RootParts& parts);

/// join_root(program, root_parts(program)).
Hash32 model_root(const Program& program, ThreadPool* pool = nullptr);

/// Root of the vocabulary's tokens.
Hash32 vocabulary_root(const Vocabulary& vocabulary);

/// The leaves of the rows of one tensor.
std::vector<Hash32> tensor_leaves(const WeightTensor& tensor, ThreadPool* pool = nullptr);

/// Root of the rows of one tensor.
Hash32 tensor_root(const WeightTensor& tensor, ThreadPool* pool = nullptr);

/// Root of the entries of one table.
Hash32 table_root(const Table& table, ThreadPool* pool = nullptr);

/// The payload of the leaf of row `row`.
Bytes row_payload(const WeightTensor& tensor, std::uint32_t row);

/// The payload of the leaf of a tensor, and of a table.
FixedBytes<40> tensor_payload(const WeightTensor& tensor, const Hash32& rows);
FixedBytes<38> table_payload(const Table& table, const Hash32& entries);

/// The entries of a table as they are cut into leaves of 256 bytes.
Bytes table_bytes(const Table& table);
inline constexpr std::size_t kTableLeafBytes = 256;

/// The committed form of an operator.
FixedBytes<descriptor::kSize> encode_operator(const Operator& op);

}  // namespace imo::model
