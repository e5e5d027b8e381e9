/// From Solidity's names to ours.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace imo::eth::abigen {

/// `tokenURI` becomes `token_uri`, `ERC20Votes` `erc20_votes`, `DOMAIN_SEPARATOR`
/// `domain_separator`. Leading underscores go; words that C++ reserves get one at the end.
std::string to_snake_case(std::string_view name);

/// `bidOf` becomes `BidOf`; the rest stays.
std::string to_type_name(std::string_view name);

/// Names given out in one scope. A name that is taken gets underscores at its end.
class Scope {
 public:
  explicit Scope(std::set<std::string> taken = {}) : taken_(std::move(taken)) {}
  std::string claim(std::string name);

 private:
  std::set<std::string> taken_;
};

}  // namespace imo::eth::abigen
