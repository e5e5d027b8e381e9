#include "imo/base/file.hpp"
#include "imo/model/model_root.hpp"
#include "imo/model/program_file.hpp"
#include "imo/model/program_layout.hpp"

#include <bit>
#include <concepts>
#include <cstring>

namespace imo::model {
namespace {

static_assert(std::endian::native == std::endian::little, "program files are mapped as they are");

class Writer {
 public:
  template <std::integral T>
  void number(T value) {
    const auto bytes = std::bit_cast<std::array<std::uint8_t, sizeof(T)>>(value);
    append(bytes_, bytes);
  }

  void bytes(BytesView view) { append(bytes_, view); }

  void align() {
    bytes_.resize((bytes_.size() + kProgramAlignment - 1) / kProgramAlignment * kProgramAlignment);
  }

  template <typename T>
  void array(std::span<const T> values) {
    align();
    const std::size_t offset = bytes_.size();
    bytes_.resize(offset + values.size_bytes());
    if (!values.empty()) std::memcpy(bytes_.data() + offset, values.data(), values.size_bytes());
  }

  Bytes finish() {
    const std::uint64_t size = bytes_.size();
    std::memcpy(bytes_.data() + 16, &size, sizeof size);
    return std::move(bytes_);
  }

 private:
  Bytes bytes_;
};

void write_header(Writer& writer, const Program& program, const Hash32& root,
                  std::size_t vocabulary_bytes) {
  writer.bytes(kProgramMagic);
  writer.number(kProgramVersion);
  writer.number(std::uint32_t{0});
  writer.number(std::uint64_t{0});  // the file's size, known at the end
  writer.bytes(root);
  writer.bytes(program.source_hash);
  for (const std::size_t value :
       {std::size_t{program.context_length}, std::size_t{program.vocabulary_size},
        std::size_t{program.end_token}, std::size_t{program.layers}, std::size_t{program.tail},
        program.operators.size(), program.tensors.size(), program.tables.size(),
        program.name.size(), program.licence.size(), vocabulary_bytes}) {
    writer.number(static_cast<std::uint32_t>(value));
  }
}

}  // namespace

Bytes serialize_program(const Program& program, const Hash32& root) {
  Writer writer;
  const Bytes vocabulary = program.vocabulary.serialize();
  write_header(writer, program, root, vocabulary.size());
  writer.bytes(as_bytes(program.name));
  writer.bytes(as_bytes(program.licence));
  writer.align();
  for (const Operator& op : program.operators) writer.bytes(encode_operator(op));
  for (const WeightTensor& tensor : program.tensors) {
    writer.number(tensor.rows);
    writer.number(tensor.columns);
    writer.number(std::uint32_t{tensor.biases.empty() ? 0U : 1U});
    writer.number(static_cast<std::uint32_t>(tensor.name.size()));
    writer.bytes(as_bytes(tensor.name));
  }
  for (const Table& table : program.tables) {
    writer.number(static_cast<std::uint8_t>(table.kind));
    writer.number(table.fraction);
    writer.number(std::uint16_t{0});
    writer.number(static_cast<std::uint32_t>(table.entries()));
  }
  writer.bytes(vocabulary);
  for (const WeightTensor& tensor : program.tensors) {
    writer.array(tensor.weights);
    writer.array(tensor.multipliers);
    if (!tensor.biases.empty()) writer.array(tensor.biases);
  }
  for (const Table& table : program.tables) {
    table.kind == TableKind::kExp ? writer.array(table.wide) : writer.array(table.narrow);
  }
  return writer.finish();
}

Result<void> save_program(const Program& program, const Hash32& root,
                          const std::filesystem::path& path) {
  return write_file_atomic(path, serialize_program(program, root));
}

}  // namespace imo::model
