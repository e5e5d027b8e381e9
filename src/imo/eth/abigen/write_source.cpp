#include "imo/eth/abigen/model.hpp"
#include "imo/eth/abigen/text.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace imo::eth::abigen {
namespace {

constexpr std::size_t kLiteralBytes = 24;  // of code in one line

/// `, price, to`.
std::string names_of(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) text += ", " + field.name;
  return text;
}

/// Reads the members of `list` into those of `target`, in order.
std::string read_members(const std::vector<Field>& fields, const char* list, const char* target) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    text += fmt::format("  IMO_TRY_VOID(from_value({}[{}], {}.{}));\n", list, i, target,
                        fields[i].name);
  }
  return text;
}

std::string convert_struct(const Struct& tuple) {
  std::string members;
  for (const Field& field : tuple.fields) {
    members += fmt::format("{}to_value(from.{})", members.empty() ? "" : ", ", field.name);
  }
  return fmt::format(
      "[[maybe_unused]] static eth::abi::Value to_value(const {0}& from) {{\n"
      "  return eth::abi::Value(eth::abi::Value::List{{{1}}});\n"
      "}}\n\n"
      "[[maybe_unused]] static Result<void> from_value(const eth::abi::Value& value, {0}& to) {{\n"
      "  IMO_TRY(const auto* members, eth::abi::list_of(value, {2}));\n"
      "{3}"
      "  return {{}};\n"
      "}}\n\n",
      tuple.name, members, tuple.fields.size(), read_members(tuple.fields, "(*members)", "to"));
}

std::string decoder_of(const Function& function, const std::string& what) {
  if (function.outputs.empty()) return "[](BytesView) -> Result<void> { return {}; }";
  const char* reader = function.outputs.size() == 1 ? "decode_one" : "decode_struct";
  return fmt::format(
      "[](BytesView returned_bytes_) {{\n"
      "            return eth::abi::{}<{}>(\n"
      "                {}, {}, returned_bytes_);\n"
      "          }}",
      reader, function.result, what, quoted(tuple_of(function.outputs)));
}

std::string define_function(const Contract& contract, const Function& function) {
  const std::string what = quoted(contract.name + "." + function.solidity);
  return signature(fmt::format("eth::Call<{}>", function.result), function.name, function.inputs) +
         fmt::format(
             " {{\n"
             "  constexpr eth::abi::Selector kSelector = {};\n"
             "  return {{{},\n"
             "          eth::abi::encode_args(kSelector, {}{}),\n"
             "          {}}};\n"
             "}}\n\n",
             braced(function.selector), what, quoted(tuple_of(function.inputs)),
             names_of(function.inputs), decoder_of(function, what));
}

/// The body that turns a decoded tuple into an event or error.
std::string decode_body(const std::string& type, const std::string& tuple,
                        const std::vector<Field>& fields) {
  const char* unused = fields.empty() ? "[[maybe_unused]] " : "";
  return fmt::format(
      "  IMO_TRY(const eth::abi::Value tuple_, {});\n"
      "  {}const auto& members_ = *tuple_.list();\n"
      "  {} decoded_;\n"
      "{}"
      "  return decoded_;\n"
      "}}\n\n",
      tuple, unused, type, read_members(fields, "members_", "decoded_"));
}

std::string define_event(const Contract& contract, const Event& event) {
  const std::string what = quoted(contract.name + "." + event.solidity);
  const std::string tuple = fmt::format("eth::abi::decode_event({}, {}, kTopic0, log)", what,
                                        quoted(tuple_of(event.fields)));
  return fmt::format(
             "constinit const Hash32 {0}::kTopic0 = {{{1}}};\n\n"
             "Result<{0}> {0}::decode(const eth::Log& log) {{\n",
             event.name, braced(event.topic0)) +
         decode_body(event.name, tuple, event.fields);
}

std::string define_error(const Contract& contract, const CustomError& error) {
  const std::string what = quoted(contract.name + "." + error.solidity);
  const std::string tuple = fmt::format("eth::abi::decode_error({}, {}, kSelector, revert_data)",
                                        what, quoted(tuple_of(error.fields)));
  return fmt::format("Result<{0}> {0}::decode(BytesView revert_data) {{\n", error.name) +
         decode_body(error.name, tuple, error.fields);
}

std::string define_signatures(const Contract& contract) {
  if (contract.errors.empty()) {
    return "std::span<const eth::ErrorSignature> error_signatures() { return {}; }\n\n";
  }
  std::string list;
  for (const CustomError& error : contract.errors) {
    list +=
        fmt::format("      {{{},\n       {}, {},\n       {}}},\n", braced(error.selector),
                    quoted(error.solidity), quoted(tuple_of(error.fields)), quoted(contract.name));
  }
  return fmt::format(
      "std::span<const eth::ErrorSignature> error_signatures() {{\n"
      "  static constexpr std::array<eth::ErrorSignature, {}> kErrors = {{{{\n"
      "{}  }}}};\n"
      "  return kErrors;\n"
      "}}\n\n",
      contract.errors.size(), list);
}

/// Hexadecimal escapes in a string: a list of numbers takes the compiler seconds.
std::string literal(BytesView code) {
  std::string text;
  for (std::size_t start = 0; start < code.size(); start += kLiteralBytes) {
    text += "\n      \"";
    for (const std::uint8_t byte :
         code.subspan(start, std::min(kLiteralBytes, code.size() - start))) {
      text += fmt::format("\\x{:02x}", byte);
    }
    text += '"';
  }
  return text;
}

std::string define_creation(const Contract& contract) {
  if (!contract.creation_code) return "";
  return fmt::format(
             "BytesView creation_code() {{\n"
             "  static constexpr std::string_view kCode(\n"
             "      // {0} bytes{1},\n"
             "      {0});\n"
             "  return as_bytes(kCode);\n"
             "}}\n\n",
             contract.creation_code->size(), literal(*contract.creation_code)) +
         signature("Result<Bytes>", "deploy_data", contract.constructor) +
         fmt::format(
             " {{\n"
             "  return eth::abi::encode_args(creation_code(), {}{});\n"
             "}}\n\n",
             quoted(tuple_of(contract.constructor)), names_of(contract.constructor));
}

std::string define_scope(const char* name, const std::string& body) {
  if (body.empty()) return "";
  return fmt::format("namespace {0} {{\n\n{1}}}  // namespace {0}\n\n", name, body);
}

}  // namespace

std::string write_source(const Contract& contract, const Place& place) {
  const std::string name_space = place.name_space + "::" + contract.name_space;
  std::string text = fmt::format(
      "// Generated by imo-abigen from the compiler's artifact of {0}.\n"
      "#include \"{1}/{0}.hpp\"\n\n"
      "#include \"imo/eth/abi_bind.hpp\"\n"
      "#include \"imo/eth/errors.hpp\"\n"
      "#include \"imo/eth/types.hpp\"\n\n"
      "namespace {2} {{\n\n"
      "using eth::abi::from_value;\n"
      "using eth::abi::to_value;\n\n",
      contract.name, place.folder, name_space);
  for (const Struct& tuple : contract.structs) text += convert_struct(tuple);
  for (const Function& function : contract.functions) text += define_function(contract, function);
  text += define_creation(contract);
  text += define_signatures(contract);
  std::string events;
  for (const Event& event : contract.events) events += define_event(contract, event);
  std::string errors;
  for (const CustomError& error : contract.errors) errors += define_error(contract, error);
  return text + define_scope("events", events) + define_scope("errors", errors) +
         fmt::format("}}  // namespace {}\n", name_space);
}

}  // namespace imo::eth::abigen
