#include "imo/base/mapped_file.hpp"
#include "imo/model/model_root.hpp"
#include "imo/model/program_check.hpp"
#include "imo/model/program_file.hpp"
#include "imo/model/program_layout.hpp"

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

namespace imo::model {
namespace {

using tensor_parts::kBiases;
using tensor_parts::kGroups;
using tensor_parts::kOffsets;

/// Walks the sections; every take is checked against what is left of the file.
class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t offset() const { return offset_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - offset_; }

  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view field, std::string_view what) const {
    return invalid(fmt::format("{} at offset {} {}", field, offset_, what));
  }

  Result<BytesView> take(std::uint64_t size, std::string_view field) {
    if (size > left()) {
      return wrong(field, fmt::format("needs {} bytes, but the file ends after {}", size, left()));
    }
    const BytesView taken = bytes_.subspan(offset_, static_cast<std::size_t>(size));
    offset_ += static_cast<std::size_t>(size);
    return taken;
  }

  template <std::integral T>
  Result<T> number(std::string_view field) {
    IMO_TRY(const BytesView taken, take(sizeof(T), field));
    std::array<std::uint8_t, sizeof(T)> bytes;
    std::copy(taken.begin(), taken.end(), bytes.begin());
    return std::bit_cast<T>(bytes);
  }

  Result<std::string> text(std::uint64_t size, std::string_view field) {
    IMO_TRY(const BytesView taken, take(size, field));
    return std::string(as_text(taken));
  }

  Result<void> align(std::string_view field) {
    const std::size_t next =
        (offset_ + kProgramAlignment - 1) / kProgramAlignment * kProgramAlignment;
    IMO_TRY(const BytesView gap, take(next - offset_, field));
    const bool zero = std::all_of(gap.begin(), gap.end(), [](std::uint8_t b) { return b == 0; });
    if (!zero) return wrong(field, "follows a gap that is not zero");
    return {};
  }

  /// `count` elements in place; the mapping is aligned, so sections are.
  template <typename T>
  Result<std::span<const T>> array(std::uint64_t count, std::string_view field) {
    IMO_TRY_VOID(align(field));
    // count comes from two 32-bit numbers at most, so the product stays under 2^64 only if bounded.
    if (count > left() / sizeof(T)) {
      return wrong(field, fmt::format("needs {} elements, but the file ends before", count));
    }
    IMO_TRY(const BytesView taken, take(count * sizeof(T), field));
    return std::span<const T>(reinterpret_cast<const T*>(taken.data()),
                              static_cast<std::size_t>(count));
  }

 private:
  BytesView bytes_;
  std::size_t offset_ = 0;
};

template <std::unsigned_integral T>
T big_endian(BytesView bytes, std::size_t offset) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value << 8 | bytes[offset + i]);
  }
  return value;
}

Operator decode_operator(BytesView from) {
  Operator op;
  op.kind = static_cast<OperatorKind>(from[0]);
  op.bits = from[2];
  op.shift = from[3];
  op.fraction = static_cast<std::int8_t>(from[4]);
  op.pairing = from[5];
  op.layer = big_endian<std::uint16_t>(from, 6);
  op.inputs = {big_endian<std::uint32_t>(from, 8), big_endian<std::uint32_t>(from, 12)};
  op.tensor = big_endian<std::uint32_t>(from, 16);
  op.table = big_endian<std::uint32_t>(from, 20);
  op.width = big_endian<std::uint32_t>(from, 24);
  op.groups = big_endian<std::uint32_t>(from, 28);
  op.kv_groups = big_endian<std::uint32_t>(from, 32);
  op.multiplier = big_endian<std::uint32_t>(from, 36);
  op.rotated = big_endian<std::uint32_t>(from, 40);
  op.constant = big_endian<std::uint64_t>(from, 48);
  return op;
}

struct Header {
  Hash32 root;
  std::uint32_t operators = 0;
  std::uint32_t tensors = 0;
  std::uint32_t tables = 0;
  std::uint32_t name = 0;
  std::uint32_t licence = 0;
  std::uint32_t vocabulary = 0;
};

Result<Hash32> read_hash(Reader& reader, std::string_view field) {
  IMO_TRY(const BytesView taken, reader.take(32, field));
  Hash32 hash;
  std::copy(taken.begin(), taken.end(), hash.bytes.begin());
  return hash;
}

Result<void> read_start(Reader& reader, std::size_t file_size) {
  IMO_TRY(const BytesView magic, reader.take(kProgramMagic.size(), "magic"));
  if (!std::equal(magic.begin(), magic.end(), kProgramMagic.begin())) {
    return invalid(
        "magic at offset 0 is not that of a compiled program; imo model compile makes one");
  }
  IMO_TRY(const std::uint32_t version, reader.number<std::uint32_t>("version"));
  if (version != kProgramVersion) {
    return invalid(
        fmt::format("version at offset 8 is {}; this tool reads {}: compile the model again",
                    version, kProgramVersion));
  }
  IMO_TRY(const std::uint32_t zero, reader.number<std::uint32_t>("flags"));
  if (zero != 0) return invalid(fmt::format("flags at offset 12 are {}, not zero", zero));
  IMO_TRY(const std::uint64_t size, reader.number<std::uint64_t>("size"));
  if (size != file_size) {
    return invalid(
        fmt::format("size at offset 16 is {}, but the file has {} bytes", size, file_size));
  }
  return {};
}

Result<Header> read_header(Reader& reader, std::size_t file_size, Program& program) {
  Header header;
  IMO_TRY_VOID(read_start(reader, file_size));
  IMO_TRY(header.root, read_hash(reader, "root"));
  IMO_TRY(program.source_hash, read_hash(reader, "source hash"));
  IMO_TRY(program.context_length, reader.number<std::uint32_t>("context length"));
  IMO_TRY(program.vocabulary_size, reader.number<std::uint32_t>("vocabulary size"));
  IMO_TRY(program.end_token, reader.number<std::uint32_t>("end token"));
  IMO_TRY(program.layers, reader.number<std::uint32_t>("layers"));
  IMO_TRY(program.tail, reader.number<std::uint32_t>("tail"));
  IMO_TRY(header.operators, reader.number<std::uint32_t>("number of operators"));
  IMO_TRY(header.tensors, reader.number<std::uint32_t>("number of tensors"));
  IMO_TRY(header.tables, reader.number<std::uint32_t>("number of tables"));
  IMO_TRY(header.name, reader.number<std::uint32_t>("length of the name"));
  IMO_TRY(header.licence, reader.number<std::uint32_t>("length of the licence"));
  IMO_TRY(header.vocabulary, reader.number<std::uint32_t>("length of the vocabulary"));
  return header;
}

Result<void> read_operators(Reader& reader, std::uint32_t count, Program& program) {
  IMO_TRY_VOID(reader.align("operators"));
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string field = fmt::format("operator {}", i);
    IMO_TRY(const BytesView bytes, reader.take(kOperatorBytes, field));
    program.operators.push_back(decode_operator(bytes));
    // Also the output type and the zeros: an operator has one encoding.
    const FixedBytes<64> again = encode_operator(program.operators.back());
    if (!std::equal(bytes.begin(), bytes.end(), again.bytes.begin())) {
      return invalid(fmt::format("operator {} at offset {} is not in its one encoding", i,
                                 reader.offset() - kOperatorBytes));
    }
  }
  return {};
}

struct Shapes {
  std::vector<std::uint32_t> parts;  ///< tensor_parts
  std::vector<std::uint32_t> entries;
};

Result<Shapes> read_shapes(Reader& reader, const Header& header, Program& program) {
  Shapes shapes;
  for (std::uint32_t i = 0; i < header.tensors; ++i) {
    const std::string field = fmt::format("tensor {}", i);
    WeightTensor tensor;
    IMO_TRY(tensor.rows, reader.number<std::uint32_t>(field));
    IMO_TRY(tensor.columns, reader.number<std::uint32_t>(field));
    IMO_TRY(const std::uint32_t parts, reader.number<std::uint32_t>(field));
    if (parts > 7 || (parts & (kGroups | kOffsets)) == kOffsets) {
      return reader.wrong(field, fmt::format("has parts {}, which there are not", parts));
    }
    IMO_TRY(const std::uint32_t name, reader.number<std::uint32_t>(field));
    IMO_TRY(tensor.name, reader.text(name, field));
    shapes.parts.push_back(parts);
    program.tensors.push_back(std::move(tensor));
  }
  for (std::uint32_t i = 0; i < header.tables; ++i) {
    const std::string field = fmt::format("table {}", i);
    Table table;
    IMO_TRY(const std::uint8_t kind, reader.number<std::uint8_t>(field));
    if (kind < 1 || kind > static_cast<int>(TableKind::kGain))
      return reader.wrong(field, fmt::format("is of kind {}", kind));
    table.kind = static_cast<TableKind>(kind);
    IMO_TRY(table.fraction, reader.number<std::int8_t>(field));
    IMO_TRY(const std::uint16_t zero, reader.number<std::uint16_t>(field));
    if (zero != 0) return reader.wrong(field, "follows two bytes that are not zero");
    IMO_TRY(const std::uint32_t entries, reader.number<std::uint32_t>(field));
    shapes.entries.push_back(entries);
    program.tables.push_back(table);
  }
  return shapes;
}

Result<GroupedWeights> read_groups(Reader& reader, const WeightTensor& tensor, std::uint32_t parts,
                                   const std::string& field) {
  const std::uint64_t groups = tensor.size() / kGroupColumns;
  GroupedWeights grouped;
  IMO_TRY(grouped.scales, reader.array<std::int8_t>(groups, field));
  if ((parts & kOffsets) != 0) {
    IMO_TRY(grouped.offsets, reader.array<std::int16_t>(groups, field));
  }
  IMO_TRY(grouped.bits, reader.array<std::uint8_t>(tensor.size() / 2, field));
  if (grouped.scales.empty()) return reader.wrong(field, "has no whole group");
  return grouped;
}

Result<void> read_data(Reader& reader, const Shapes& shapes, Program& program) {
  for (std::size_t i = 0; i < program.tensors.size(); ++i) {
    WeightTensor& tensor = program.tensors[i];
    const std::string field = fmt::format("data of tensor '{}'", tensor.name);
    if ((shapes.parts[i] & kGroups) != 0) {
      IMO_TRY(tensor.grouped, read_groups(reader, tensor, shapes.parts[i], field));
    } else {
      IMO_TRY(tensor.weights, reader.array<std::int8_t>(tensor.size(), field));
    }
    IMO_TRY(tensor.multipliers, reader.array<std::uint32_t>(tensor.rows, field));
    if ((shapes.parts[i] & kBiases) != 0) {
      IMO_TRY(tensor.biases, reader.array<std::int64_t>(tensor.rows, field));
    }
  }
  for (std::size_t i = 0; i < program.tables.size(); ++i) {
    Table& table = program.tables[i];
    const std::string field = fmt::format("data of table {}", i);
    if (table.kind == TableKind::kExp) {
      IMO_TRY(table.wide, reader.array<std::int32_t>(shapes.entries[i], field));
    } else {
      IMO_TRY(table.narrow, reader.array<std::int16_t>(shapes.entries[i], field));
    }
  }
  if (reader.left() != 0)
    return reader.wrong("end", fmt::format("has {} bytes behind it", reader.left()));
  return {};
}

Result<void> verify_program(const LoadedProgram& loaded) {
  for (const WeightTensor& tensor : loaded.program.tensors) {
    IMO_TRY_VOID(check_accumulators(tensor));
  }
  if (model_root(loaded.program) != loaded.root) {
    return fail(ErrorKind::kVerification,
                fmt::format("root at offset {} is not that of the content: the file is damaged",
                            kRootOffset));
  }
  return {};
}

Result<LoadedProgram> read_program(BytesView bytes, std::shared_ptr<const void> storage,
                                   LoadOptions options) {
  Reader reader(bytes);
  LoadedProgram loaded;
  Program& program = loaded.program;
  program.storage = std::move(storage);
  IMO_TRY(const Header header, read_header(reader, bytes.size(), program));
  loaded.root = header.root;
  IMO_TRY(program.name, reader.text(header.name, "name"));
  IMO_TRY(program.licence, reader.text(header.licence, "licence"));
  IMO_TRY_VOID(read_operators(reader, header.operators, program));
  IMO_TRY(const Shapes shapes, read_shapes(reader, header, program));
  const std::size_t vocabulary_offset = reader.offset();
  IMO_TRY(const BytesView vocabulary, reader.take(header.vocabulary, "vocabulary"));
  auto entries = Vocabulary::deserialize(vocabulary);
  if (!entries) {
    return tl::unexpected(
        entries.error().within(fmt::format("vocabulary at offset {}", vocabulary_offset)));
  }
  program.vocabulary = std::move(*entries);
  IMO_TRY_VOID(read_data(reader, shapes, program));
  IMO_TRY_VOID(check_structure(program));
  IMO_TRY_VOID(check_tables(program));
  if (options.verify) IMO_TRY_VOID(verify_program(loaded));
  return loaded;
}

struct alignas(kProgramAlignment) Block {
  std::array<std::uint8_t, kProgramAlignment> bytes;
};

}  // namespace

Result<LoadedProgram> load_program(const std::filesystem::path& path, LoadOptions options) {
  IMO_TRY(MappedFile file, MappedFile::open(path));
  const auto storage = std::make_shared<const MappedFile>(std::move(file));
  auto loaded = read_program(storage->bytes(), storage, options);
  if (!loaded) return tl::unexpected(loaded.error().within(path.string()));
  return loaded;
}

Result<LoadedProgram> parse_program(BytesView bytes, LoadOptions options) {
  const auto storage = std::make_shared<std::vector<Block>>(bytes.size() / sizeof(Block) + 1);
  if (!bytes.empty()) std::memcpy(storage->data(), bytes.data(), bytes.size());
  const auto* copy = reinterpret_cast<const std::uint8_t*>(storage->data());
  return read_program({copy, bytes.size()}, storage, options);
}

bool is_program_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, kProgramMagic.size()> start{};
  file.read(start.data(), start.size());
  return file && std::memcmp(start.data(), kProgramMagic.data(), start.size()) == 0;
}

}  // namespace imo::model
