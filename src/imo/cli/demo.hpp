/// `imo demo`: a whole offering, from model file to paid-out revenue, on a chain of its own. It is
/// made of the functions that the other commands are made of, and checks every sum itself.
#pragma once

#include "imo/base/result.hpp"

#include <filesystem>

namespace imo::cli {

struct DemoOptions {
  bool json = false;
  bool keep = false;            ///< leave chain and node running at the end, until Ctrl-C
  std::filesystem::path model;  ///< empty: the demo model inside this program
};

/// Runs the demo. Fails at the first step that fails, and when any sum is off by one wei.
Result<void> demo(const DemoOptions& options);

}  // namespace imo::cli
