/// The bytes of `.imo` files, version 1, shared by writer and reader.
///
/// Little-endian, but operators are in their committed form (encode_operator). Nothing in the file
/// says where something lies: sections follow each other in this order, those marked * begin at the
/// next multiple of 64, gaps are zero, and the file ends with the last one.
///
/// | section      | content                                                                    |
/// |--------------|----------------------------------------------------------------------------|
/// | header       | magic (8), version (4), zero (4), file size (8), root (32), source hash    |
/// |              | (32), context, vocabulary, end token, layers, tail, numbers of operators,  |
/// |              | tensors and tables, lengths of name, licence and vocabulary (11 times 4)   |
/// | names        | name, licence                                                              |
/// | operators*   | 64 bytes each                                                              |
/// | tensors      | each: rows (4), columns (4), 1 when there are biases + 2 when weights are  |
/// |              | grouped + 4 when groups have offsets (4), length of its name (4), its name |
/// | tables       | each: kind (1), fraction (1), zero (2), entries (4)                        |
/// | vocabulary   | Vocabulary::serialize                                                      |
/// | data         | of each tensor: weights* (1 each) or scales* (1), offsets* (2) and bits*   |
/// |              | (16 a group), multipliers* (4), biases* (8), then of each table: its       |
/// |              | entries* (4 each in kExp, 2 in others)                                     |
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/model/program.hpp"

#include <array>
#include <cstdint>

namespace imo::model {

/// A text editor's or a file transfer's changes of line ends break it, as PNG's does.
inline constexpr std::array<std::uint8_t, 8> kProgramMagic{0x89, 'I',  'M',  'O',
                                                           '\r', '\n', 0x1A, '\n'};
inline constexpr std::uint32_t kProgramVersion = 1;
inline constexpr std::size_t kProgramAlignment = 64;
inline constexpr std::size_t kProgramHeader = 132;
inline constexpr std::size_t kRootOffset = 24;
inline constexpr std::size_t kOperatorBytes = 64;

/// What a tensor has, as the file says it.
namespace tensor_parts {
inline constexpr std::uint32_t kBiases = 1;
inline constexpr std::uint32_t kGroups = 2;
inline constexpr std::uint32_t kOffsets = 4;
}  // namespace tensor_parts

}  // namespace imo::model
