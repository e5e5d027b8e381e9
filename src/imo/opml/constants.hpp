/// The numbers that the contracts share with C++, as a Solidity library.
#pragma once

#include <string>

namespace imo::opml {

/// The content of contracts/src/opml/OpmlConstants.sol, which `imo-opml-constants` writes.
std::string solidity_constants();

}  // namespace imo::opml
