/// Why a contract refused: revert data in words.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/eth/abi.hpp"

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace imo::eth {

/// A custom error as the generated bindings list it.
struct ErrorSignature {
  abi::Selector selector;
  /// `BidTooLow`.
  std::string_view name;
  /// `(uint256 price,uint256 floor)`.
  std::string_view types;
  /// `UniformSale`.
  std::string_view contract;
};

/// The custom errors that messages can spell out. Knows `Error(string)` and `Panic(uint256)`.
class ErrorRegistry {
 public:
  /// Adds what a binding lists: `registry.add(abi::uniform_sale::error_signatures())`. The texts
  /// must outlive the registry; those of bindings are literals.
  void add(std::span<const ErrorSignature> errors);

  /// `UniformSale.BidTooLow(price = 5, floor = 7)`, `"text of the require"`, `arithmetic overflow
  /// (panic 0x11)`, `no reason given`, or the data in hexadecimal when nothing matches. Errors that
  /// several contracts declare alike are given without a contract.
  [[nodiscard]] std::string describe(BytesView revert_data) const;

 private:
  std::map<abi::Selector, ErrorSignature> errors_;
};

}  // namespace imo::eth
