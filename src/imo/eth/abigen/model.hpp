/// What imo-abigen knows of a contract: the artifact of the compiler in the terms of C++.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/eth/abi.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imo::eth::abigen {

/// A parameter, a result, or a member of a struct, event or error.
struct Field {
  std::string name;      ///< in C++
  std::string cpp_type;  ///< `U256`, `std::vector<Parent>`
  bool by_value = false;
  std::string abi;       ///< as abi::Type::parse takes it, with its name: `uint256 indexed price`
  std::string solidity;  ///< as a reader knows it: `uint256 indexed price`
};

/// A struct of Solidity, or several results of one function.
struct Struct {
  std::string name;
  std::string doc;
  std::vector<Field> fields;
};

struct Function {
  std::string name;      ///< in C++, told apart from overloads
  std::string solidity;  ///< its name in Solidity
  std::string doc;       ///< its declaration in Solidity
  abi::Selector selector{};
  std::vector<Field> inputs;
  std::vector<Field> outputs;
  std::string result;  ///< `void`, `U256`, `BidOfResult`
};

struct Event {
  std::string name;
  std::string solidity;
  std::string doc;
  Hash32 topic0;
  std::vector<Field> fields;  ///< those that a topic only hashes are Hash32
};

struct CustomError {
  std::string name;
  std::string solidity;
  std::string doc;
  abi::Selector selector{};
  std::vector<Field> fields;
};

struct Contract {
  std::string name;             ///< `UniformSale`
  std::string name_space;       ///< `uniform_sale`
  std::vector<Struct> structs;  ///< each behind those it uses
  std::vector<Function> functions;
  std::vector<Event> events;
  std::vector<CustomError> errors;
  std::vector<Field> constructor;
  /// Nothing for interfaces and abstract contracts.
  std::optional<Bytes> creation_code;
};

/// Reads a Foundry artifact (the JSON that forge writes to out/<File>.sol/<Contract>.json).
Result<Contract> read_artifact(std::string_view name, std::string_view json);

/// Where generated code lives.
struct Place {
  std::string name_space;  ///< `imo::market::abi`
  std::string folder;      ///< in includes: `imo/market/abi`
};

/// The header of the bindings: declarations only, and nothing heavy included.
std::string write_header(const Contract& contract, const Place& place);
/// Their definitions.
std::string write_source(const Contract& contract, const Place& place);

/// `(uint256 price,address to)`: the fields as one tuple for abi::Type::parse.
std::string tuple_of(const std::vector<Field>& fields);

}  // namespace imo::eth::abigen
