/// GGUF to integer program. The same file gives the same program on every machine.
#pragma once

#include "imo/base/mapped_file.hpp"
#include "imo/model/architecture.hpp"
#include "imo/model/program.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::model {

struct CompileOptions {
  /// Exponents are chosen on this text; empty: on text that the model writes itself.
  std::string calibration_text;
  std::uint32_t calibration_tokens = 512;  ///< how many tokens of it are looked at
  std::uint64_t calibration_seed = 1;      ///< of the text that the model writes
  /// 8, or 4: matrices whose rows are whole groups of 32 columns become grouped weights, but for
  /// the embedding and the output. What a file has in Q4_0 or Q4_K is then not rounded again.
  unsigned weight_bits = 8;
  ThreadPool* pool = nullptr;  ///< what it is done on; changes no bit
  /// Where the weights lie while there is a program but no file of it; empty: where the system
  /// keeps temporary files. They have no name there, and take no memory that others need.
  std::filesystem::path scratch_folder;
  /// Is told the stage and how much of it is done, from 0 to 1.
  std::function<void(std::string_view stage, double done)> on_progress;
};

/// How one matrix came out.
struct TensorReport {
  std::string name;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  double relative_error = 0;             ///< |w - quantised w| / |w|, Euclidean
  std::int64_t largest_accumulator = 0;  ///< proven: max over rows of 32767 L1 + |bias|
};

/// How the exponent of one operator's output was chosen.
struct RangeReport {
  std::string name;
  double largest = 0;        ///< of the float values seen in calibration
  int fraction = 0;          ///< value = q * 2^-fraction
  double headroom_bits = 0;  ///< log2 of what may still come before the clamp
};

struct CompileReport {
  std::vector<TensorReport> tensors;
  std::vector<RangeReport> ranges;
  std::uint32_t calibration_tokens = 0;
  std::vector<std::vector<TokenId>> calibration;  ///< the sequences that were run
};

struct Compiled {
  Program program;
  Hash32 root;
  CompileReport report;
  std::shared_ptr<const MappedFile> weights;  ///< what the program's tensors lie in

  /// Says that a tensor of the program is not needed at the moment, so that it takes no memory.
  void release(const WeightTensor& tensor) const;
  /// save_program with no more than one tensor in memory.
  [[nodiscard]] Result<void> save(const std::filesystem::path& path) const;
};

/// Compiles an open model file, one tensor at a time: no more than the file and its largest tensor
/// is in memory at once. Fails, naming the tensor, on what cannot be brought into range.
Result<Compiled> compile(const ModelSource& source, const CompileOptions& options = {});

/// Opens, hashes and compiles the file at `path`.
Result<Compiled> compile_file(const std::filesystem::path& path,
                              const CompileOptions& options = {});

}  // namespace imo::model
