/// `.imo` files: a program on disk. program_layout.hpp has the layout.
#pragma once

#include "imo/model/program.hpp"

#include <functional>

namespace imo::model {

struct LoadOptions {
  /// Read everything once: check every weight, prove every accumulator's bound and compare the
  /// root with the file's. Without it the file is trusted to be what this tool wrote.
  bool verify = true;
};

/// The file's bytes.
Bytes serialize_program(const Program& program, const Hash32& root);

/// Writes `program` beside `path` and renames it into place: there is the whole file or none.
/// `root` is kept in the file and compared when it is loaded. Piece by piece: `written` is told of
/// every tensor behind which the program goes on.
Result<void> save_program(const Program& program, const Hash32& root,
                          const std::filesystem::path& path,
                          const std::function<void(const WeightTensor&)>& written = {});

struct LoadedProgram {
  Program program;
  Hash32 root;  ///< the file's own; recomputed and found equal unless options say otherwise
};

/// Maps the file. Errors name the field and its offset; nothing is allocated by a number of the
/// file that the file's own length does not vouch for.
Result<LoadedProgram> load_program(const std::filesystem::path& path, LoadOptions options = {});

/// The same from bytes, which are copied.
Result<LoadedProgram> parse_program(BytesView bytes, LoadOptions options = {});

/// True when the file begins as a `.imo` file does.
bool is_program_file(const std::filesystem::path& path);

}  // namespace imo::model
