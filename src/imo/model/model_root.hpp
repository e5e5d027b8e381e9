/// The commitment that names a model: one hash over program, weights, tables and vocabulary.
///
/// All hashes are Keccak-256, all numbers big-endian. A leaf is keccak(TAG ‖ payload) with a tag of
/// 32 bytes, an inner node keccak(left ‖ right), and heights follow from the counts. The leaves:
///
/// | tree       | leaf i                                                                          |
/// |------------|---------------------------------------------------------------------------------|
/// | operators  | the 64-byte encoding of operator i                                              |
/// | tensor     | row i: multiplier (4 bytes) ‖ bias (8) ‖ weights (columns bytes)                |
/// | tensors    | tensor i: rows (4) ‖ columns (4) ‖ root of its rows                             |
/// | table      | entries [64 i, 64 i + 64) of 4 bytes or [128 i, 128 i + 128) of 2, zero-padded |
/// | tables     | table i: kind (1) ‖ fraction (1) ‖ entries (4) ‖ root of its leaves             |
/// | vocabulary | entry i: type (1) ‖ the bytes it adds to a text                                 |
///
/// root = keccak(TAG ‖ context ‖ vocabulary ‖ end token ‖ layers ‖ tail ‖ three counts ‖ the roots
/// of operators, tensors, tables, vocabulary ‖ keccak of the tokenizer's bytes).
#pragma once

#include "imo/model/program.hpp"

namespace imo::model {

/// The four trees' roots and the tokenizer's hash, which the root hashes together.
struct RootParts {
  Hash32 operators;
  Hash32 tensors;
  Hash32 tables;
  Hash32 vocabulary;
  Hash32 tokenizer;
  Hash32 root;
};

RootParts model_root_parts(const Program& program);

/// The model's name: the same on any machine.
Hash32 model_root(const Program& program);

/// The committed encoding of an operator. Offsets: kind 0, output type 1, bits 2, shift 3,
/// fraction 4, pairing 5, layer 6, inputs 8 and 12, tensor 16, table 20, width 24, groups 28,
/// kv_groups 32, multiplier 36, rotated 40, zero 44, constant 48, zero 56.
FixedBytes<64> encode_operator(const Operator& op);

}  // namespace imo::model
