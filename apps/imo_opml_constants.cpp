/// imo-opml-constants: writes contracts/src/opml/OpmlConstants.sol to standard output.
#include "imo/opml/constants.hpp"

#include <cstdio>

int main() {
  const std::string text = imo::opml::solidity_constants();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
