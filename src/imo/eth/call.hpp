/// A typed call of a contract's function, as the generated bindings make it.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

namespace imo::eth {

// What the headers of bindings name and only their users need complete.
struct ErrorSignature;
struct Log;

/// Calldata together with the way to read the answer. `R` is what the function returns: `void`, a
/// value, or a generated struct when it returns several.
///
///     IMO_TRY(const U256 price, client.call(sale, abi::uniform_sale::clearing_price()));
///     IMO_TRY(const TxReceipt receipt, wallet.transact(sale, abi::uniform_sale::bid(...), wei));
template <typename R>
struct Call {
  /// `Contract.function`, for messages.
  const char* name = "";
  /// Selector and arguments; or which argument does not fit its Solidity type.
  Result<Bytes> data;
  /// Reads the bytes that the function returned.
  Result<R> (*decode)(BytesView returned) = nullptr;
};

}  // namespace imo::eth
