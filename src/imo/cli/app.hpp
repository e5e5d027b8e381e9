/// The command `imo`: arguments in, exit code out.
#pragma once

namespace imo::cli {

/// Parses the arguments, runs the command, prints its result on standard output and everything
/// else on standard error. Exit codes: see report.hpp.
int run(int argc, char** argv);

}  // namespace imo::cli
