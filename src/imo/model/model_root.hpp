/// The commitment that names a model: one hash over program, weights, tables and vocabulary.
///
/// Everything is Keccak-256 in the trees of crypto/merkle.hpp, so that a contract which knows the
/// root can be shown one operator, one row of weights, 256 bytes of a table, or one token's text.
/// All numbers are big-endian, negative ones in two's complement.
///
/// | tree       | leaf i                                                                        |
/// |------------|-------------------------------------------------------------------------------|
/// | operators  | the 64 bytes of encode_operator                                               |
/// | tensor     | row i: multiplier (4 bytes), bias (8), weights (one byte a column)            |
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

namespace imo {
class ThreadPool;
}

namespace imo::model {

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

/// Joins the parts with the program's numbers.
Hash32 join_root(const Program& program, const RootParts& parts);

/// join_root(program, root_parts(program)).
Hash32 model_root(const Program& program, ThreadPool* pool = nullptr);

/// Root of the rows of one tensor.
Hash32 tensor_root(const WeightTensor& tensor, ThreadPool* pool = nullptr);

/// Root of the entries of one table.
Hash32 table_root(const Table& table, ThreadPool* pool = nullptr);

/// The payload of the leaf of row `row`.
Bytes row_payload(const WeightTensor& tensor, std::uint32_t row);

/// The committed form of an operator. Offsets: kind 0, output type 1, bits 2, shift 3,
/// fraction 4, pairing 5, layer 6, inputs 8 and 12, tensor 16, table 20, width 24, groups 28,
/// kv_groups 32, multiplier 36, rotated 40, zero 44, constant 48, zero 56.
FixedBytes<64> encode_operator(const Operator& op);

}  // namespace imo::model
