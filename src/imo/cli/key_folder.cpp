#include "imo/cli/key_folder.hpp"

#include "imo/base/paths.hpp"

#include <iostream>

namespace imo::cli {

Result<node::KeyFolder> key_folder() {
  IMO_TRY(const Directories kept, directories());
  return node::KeyFolder{kept.cache / "commitments",
                         [](const std::string& text) { std::cerr << text << '\n'; }};
}

}  // namespace imo::cli
