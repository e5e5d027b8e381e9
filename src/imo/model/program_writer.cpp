#include "imo/base/check.hpp"
#include "imo/base/file.hpp"
#include "imo/model/model_root.hpp"
#include "imo/model/program_file.hpp"
#include "imo/model/program_layout.hpp"

#include <bit>
#include <concepts>
#include <functional>

namespace imo::model {
namespace {

static_assert(std::endian::native == std::endian::little, "program files are mapped as they are");

using Sink = std::function<Result<void>(BytesView piece)>;
using Written = std::function<void(const WeightTensor&)>;

/// Gives a program's bytes to a sink. Without one it only counts them, and reads no weight.
class Writer {
 public:
  explicit Writer(Sink sink) : sink_(std::move(sink)) {}

  template <std::integral T>
  void number(T value) {
    bytes(std::bit_cast<std::array<std::uint8_t, sizeof(T)>>(value));
  }

  void bytes(BytesView view) {
    size_ += view.size();
    if (!sink_ || !outcome_) return;
    // Small pieces are gathered: a file takes each with a system call.
    append(gathered_, view.size() < kGathered ? view : BytesView());
    if (gathered_.size() >= kGathered || view.size() >= kGathered) flush();
    if (view.size() >= kGathered && outcome_) outcome_ = sink_(view);
  }

  void align() {
    static constexpr std::array<std::uint8_t, kProgramAlignment> kZeros{};
    bytes(BytesView(kZeros).first((kProgramAlignment - size_ % kProgramAlignment) %
                                  kProgramAlignment));
  }

  template <typename T>
  void array(std::span<const T> values) {
    align();
    bytes({reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()});
  }

  void flush() {
    if (sink_ && outcome_ && !gathered_.empty()) outcome_ = sink_(gathered_);
    gathered_.clear();
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const Result<void>& outcome() const { return outcome_; }

 private:
  static constexpr std::size_t kGathered = std::size_t{1} << 16;

  Sink sink_;
  Bytes gathered_;
  std::uint64_t size_ = 0;
  Result<void> outcome_;
};

void write_header(Writer& writer, const Program& program, const Hash32& root,
                  std::size_t vocabulary_bytes, std::uint64_t file_size) {
  writer.bytes(kProgramMagic);
  writer.number(kProgramVersion);
  writer.number(std::uint32_t{0});
  writer.number(file_size);
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

void write_names(Writer& writer, const Program& program) {
  writer.bytes(as_bytes(program.name));
  writer.bytes(as_bytes(program.licence));
}

std::uint32_t parts_of(const WeightTensor& tensor) {
  return (tensor.biases.empty() ? 0 : tensor_parts::kBiases) |
         (tensor.is_grouped() ? tensor_parts::kGroups : 0) |
         (tensor.grouped.offsets.empty() ? 0 : tensor_parts::kOffsets);
}

void write_shapes(Writer& writer, const Program& program) {
  writer.align();
  for (const Operator& op : program.operators) writer.bytes(encode_operator(op));
  for (const WeightTensor& tensor : program.tensors) {
    writer.number(tensor.rows);
    writer.number(tensor.columns);
    writer.number(parts_of(tensor));
    writer.number(static_cast<std::uint32_t>(tensor.name.size()));
    writer.bytes(as_bytes(tensor.name));
  }
  for (const Table& table : program.tables) {
    writer.number(static_cast<std::uint8_t>(table.kind));
    writer.number(table.fraction);
    writer.number(std::uint16_t{0});
    writer.number(static_cast<std::uint32_t>(table.entries()));
  }
}

void write_data(Writer& writer, const Program& program, const Written& written) {
  for (const WeightTensor& tensor : program.tensors) {
    if (tensor.is_grouped()) {
      writer.array(tensor.grouped.scales);
      if (!tensor.grouped.offsets.empty()) writer.array(tensor.grouped.offsets);
      writer.array(tensor.grouped.bits);
    } else {
      writer.array(tensor.weights);
    }
    writer.array(tensor.multipliers);
    if (!tensor.biases.empty()) writer.array(tensor.biases);
    if (written) written(tensor);
  }
  for (const Table& table : program.tables) {
    table.kind == TableKind::kExp ? writer.array(table.wide) : writer.array(table.narrow);
  }
}

void write_all_of(Writer& writer, const Program& program, const Hash32& root,
                  std::uint64_t file_size, const Written& written) {
  const Bytes vocabulary = program.vocabulary.serialize();
  write_header(writer, program, root, vocabulary.size(), file_size);
  write_names(writer, program);
  write_shapes(writer, program);
  writer.bytes(vocabulary);
  write_data(writer, program, written);
  writer.flush();
}

Result<void> write_program(const Program& program, const Hash32& root, Sink sink,
                           const Written& written) {
  Writer counter({});  // the size stands at the beginning
  write_all_of(counter, program, root, 0, {});
  Writer writer(std::move(sink));
  write_all_of(writer, program, root, counter.size(), written);
  return writer.outcome();
}

}  // namespace

Bytes serialize_program(const Program& program, const Hash32& root) {
  Bytes bytes;
  const auto outcome = write_program(program, root,
                                     [&](BytesView piece) {
                                       append(bytes, piece);
                                       return Result<void>();
                                     },
                                     {});
  IMO_CHECK(outcome.has_value(), "memory takes every piece");
  return bytes;
}

Result<void> save_program(const Program& program, const Hash32& root,
                          const std::filesystem::path& path, const Written& written) {
  IMO_TRY(FileWriter file, FileWriter::create(path));
  IMO_TRY_VOID(
      write_program(program, root, [&](BytesView piece) { return file.append(piece); }, written));
  return file.commit();
}

}  // namespace imo::model
