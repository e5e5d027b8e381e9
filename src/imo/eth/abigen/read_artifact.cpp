#include "imo/base/hex.hpp"
#include "imo/eth/abigen/model.hpp"
#include "imo/eth/abigen/names.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

namespace imo::eth::abigen {
namespace {

using nlohmann::json;

/// Types that generated code names without saying where they come from.
const std::set<std::string> kOwnTypes = {"Address", "Bytes",  "BytesView", "FixedBytes",
                                         "Hash32",  "Result", "U256"};
/// Functions and namespaces that every binding has.
const std::set<std::string> kOwnNames = {"creation_code", "deploy_data", "error_signatures",
                                         "errors",        "events",      "eth",
                                         "from_value",    "to_value"};
const std::set<std::string> kOwnMembers = {"decode"};

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const json& list_of(const json& object, const char* key) {
  static const json kEmpty = json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kEmpty;
}

/// `tuple[3][]` is the tuple with the suffix `[3][]`.
std::string suffix_of(const std::string& type) {
  const std::size_t bracket = type.find('[');
  return bracket == std::string::npos ? "" : type.substr(bracket);
}

class Reader {
 public:
  explicit Reader(std::string_view name) : types_(kOwnTypes), functions_(kOwnNames) {
    contract_.name = name;
    contract_.name_space = to_snake_case(name);
  }

  Result<Contract> read(const json& artifact) {
    if (!artifact.is_object() || !artifact.contains("abi") || !artifact["abi"].is_array()) {
      return invalid("no artifact of a contract: it has no list 'abi'");
    }
    count_names(artifact["abi"]);
    for (const json& entry : artifact["abi"]) IMO_TRY_VOID(read_entry(entry));
    IMO_TRY_VOID(read_code(artifact));
    return std::move(contract_);
  }

 private:
  void count_names(const json& entries) {
    for (const json& entry : entries) {
      const std::string kind = text_of(entry, "type");
      const std::string name = text_of(entry, "name");
      const std::size_t arity = list_of(entry, "inputs").size();
      ++names_[kind][name];
      ++arities_[kind][name][arity];
    }
  }

  Result<void> read_entry(const json& entry) {
    const std::string kind = text_of(entry, "type");
    if (kind == "function") return read_function(entry);
    if (kind == "event") return read_event(entry);
    if (kind == "error") return read_error(entry);
    if (kind == "constructor") {
      IMO_TRY(contract_.constructor, fields_of(list_of(entry, "inputs"), {}));
    }
    return {};
  }

  Result<void> read_function(const json& entry) {
    Function function;
    function.solidity = text_of(entry, "name");
    IMO_TRY(function.inputs, fields_of(list_of(entry, "inputs"), {}));
    IMO_TRY(function.outputs, fields_of(list_of(entry, "outputs"), {}, "value"));
    IMO_TRY(const std::string signature, signature_of(function.solidity, function.inputs));
    const std::string told_apart = told_apart_from_overloads(entry, signature);
    function.name = functions_.claim(to_snake_case(told_apart));
    function.selector = abi::selector_of(signature);
    function.doc = doc_of("function", function.solidity, function.inputs);
    const std::string mutability = text_of(entry, "stateMutability");
    if (mutability != "nonpayable") function.doc += " " + mutability;
    if (!function.outputs.empty()) function.doc += " returns " + list_doc(function.outputs);
    function.result = result_of(function, to_type_name(told_apart));
    contract_.functions.push_back(std::move(function));
    return {};
  }

  /// The C++ type of what a function returns; several results become a struct.
  std::string result_of(const Function& function, const std::string& type_name) {
    if (function.outputs.empty()) return "void";
    if (function.outputs.size() == 1) return function.outputs.front().cpp_type;
    Struct result;
    result.name = types_.claim(type_name + "Result");
    result.doc = "What " + function.name + "() returns.";
    result.fields = function.outputs;
    contract_.structs.push_back(std::move(result));
    return contract_.structs.back().name;
  }

  Result<void> read_event(const json& entry) {
    const auto anonymous = entry.find("anonymous");
    if (anonymous != entry.end() && *anonymous == true) return {};
    Event event;
    event.solidity = text_of(entry, "name");
    IMO_TRY(event.fields, fields_of(list_of(entry, "inputs"), kOwnMembers));
    IMO_TRY(const std::string signature, signature_of(event.solidity, event.fields));
    event.name = events_.claim(to_type_name(told_apart_from_overloads(entry, signature)));
    event.topic0 = abi::topic_of(signature);
    event.doc = doc_of("event", event.solidity, event.fields);
    for (Field& field : event.fields) IMO_TRY_VOID(hash_if_indexed(field));
    contract_.events.push_back(std::move(event));
    return {};
  }

  /// A topic is one word: of anything that may be longer it holds the hash.
  static Result<void> hash_if_indexed(Field& field) {
    IMO_TRY(const abi::Type tuple, abi::Type::parse("(" + field.abi + ")"));
    const abi::Type& type = tuple.members().front();
    const bool is_word = !type.is_dynamic() && type.kind() != abi::Type::Kind::kTuple &&
                         type.kind() != abi::Type::Kind::kFixedArray;
    if (type.indexed() && !is_word) {
      field.cpp_type = "Hash32";
      field.by_value = false;
    }
    return {};
  }

  Result<void> read_error(const json& entry) {
    CustomError error;
    error.solidity = text_of(entry, "name");
    IMO_TRY(error.fields, fields_of(list_of(entry, "inputs"), kOwnMembers));
    IMO_TRY(const std::string signature, signature_of(error.solidity, error.fields));
    error.name = errors_.claim(to_type_name(told_apart_from_overloads(entry, signature)));
    error.selector = abi::selector_of(signature);
    error.doc = doc_of("error", error.solidity, error.fields);
    contract_.errors.push_back(std::move(error));
    return {};
  }

  Result<void> read_code(const json& artifact) {
    const auto bytecode = artifact.find("bytecode");
    const std::string object =
        bytecode != artifact.end() && bytecode->is_object() ? text_of(*bytecode, "object") : "";
    if (object.empty() || object == "0x") return {};
    if (object.find("__$") != std::string::npos) {
      return invalid("the code must be linked with a library first; make its functions internal");
    }
    IMO_TRY(contract_.creation_code, from_hex(object));
    return {};
  }

  /// A name shared by several entries gets the number of parameters behind it, `f_2`, or, when that
  /// is shared too, their types, `f_address_uint256`.
  std::string told_apart_from_overloads(const json& entry, const std::string& signature) {
    const std::string kind = text_of(entry, "type");
    const std::string name = text_of(entry, "name");
    if (names_[kind][name] == 1) return name;
    const std::size_t arity = list_of(entry, "inputs").size();
    const auto& arities = arities_[kind][name];
    const bool by_arity = std::all_of(arities.begin(), arities.end(),
                                      [](const auto& count) { return count.second == 1; });
    if (by_arity) return name + "_" + std::to_string(arity);
    std::string types = signature.substr(name.size());
    for (char& c : types) c = c == '(' || c == ')' || c == ',' || c == '[' || c == ']' ? '_' : c;
    while (types.ends_with('_')) types.pop_back();
    return name + types;
  }

  /// Those without a name are called `unnamed` and their position.
  Result<std::vector<Field>> fields_of(const json& entries, const std::set<std::string>& taken,
                                       const std::string& unnamed = "arg") {
    std::vector<Field> fields;
    Scope names(taken);
    for (const json& entry : entries) {
      IMO_TRY(Field field, field_of(entry));
      std::string name = text_of(entry, "name");
      if (name.empty()) name = unnamed + std::to_string(fields.size());
      field.name = names.claim(to_snake_case(name));
      fields.push_back(std::move(field));
    }
    return fields;
  }

  Result<Field> field_of(const json& entry) {
    const std::string type = text_of(entry, "type");
    const std::string solidity_name = text_of(entry, "name");
    Field field;
    std::string shown;
    if (type.starts_with("tuple")) {
      IMO_TRY(const Struct* tuple, struct_of(entry));
      field.abi = tuple_of(tuple->fields) + suffix_of(type);
      field.cpp_type = tuple->name;
      shown = tuple->name + suffix_of(type);
    } else {
      field.abi = type;
      shown = type;
    }
    IMO_TRY(const abi::Type parsed, abi::Type::parse(field.abi));
    field.cpp_type = cpp_type(parsed, field.cpp_type);
    field.by_value = parsed.kind() == abi::Type::Kind::kBool ||
                     field.cpp_type.ends_with("int8_t") || field.cpp_type.ends_with("int16_t") ||
                     field.cpp_type.ends_with("int32_t") || field.cpp_type.ends_with("int64_t");
    const auto indexed = entry.find("indexed");
    const std::string mark = indexed != entry.end() && *indexed == true ? " indexed" : "";
    const std::string name = solidity_name.empty() ? "" : " " + solidity_name;
    field.abi += mark + name;
    field.solidity = shown + mark + name;
    return field;
  }

  /// The struct of a tuple parameter; made when seen for the first time.
  Result<const Struct*> struct_of(const json& entry) {
    IMO_TRY(std::vector<Field> fields, fields_of(list_of(entry, "components"), {}));
    // `struct UniformSale.Bid[]`, `struct Bid`; nothing from other compilers.
    std::string full = text_of(entry, "internalType");
    full = full.substr(0, full.find('['));
    if (full.starts_with("struct ")) full = full.substr(7);
    const std::string key = full + tuple_of(fields);
    if (const auto known = struct_names_.find(key); known != struct_names_.end()) {
      return find_struct(known->second);
    }
    const std::size_t dot = full.rfind('.');
    Struct made;
    made.name = types_.claim(to_type_name(full.substr(dot == std::string::npos ? 0 : dot + 1)));
    made.doc = "struct " + full;
    made.fields = std::move(fields);
    struct_names_[key] = made.name;
    contract_.structs.push_back(std::move(made));
    return &contract_.structs.back();
  }

  const Struct* find_struct(const std::string& name) const {
    return &*std::find_if(contract_.structs.begin(), contract_.structs.end(),
                          [&](const Struct& known) { return known.name == name; });
  }

  /// See the table in abi_bind.hpp. `tuple` is the name of the struct at the bottom, if there is.
  static std::string cpp_type(const abi::Type& type, const std::string& tuple) {
    switch (type.kind()) {
      case abi::Type::Kind::kUint:
      case abi::Type::Kind::kInt: {
        if (type.size() > 64) return "U256";
        std::size_t bits = 8;
        while (bits < type.size()) bits *= 2;
        const std::string sign = type.kind() == abi::Type::Kind::kUint ? "u" : "";
        return "std::" + sign + "int" + std::to_string(bits) + "_t";
      }
      case abi::Type::Kind::kBool:
        return "bool";
      case abi::Type::Kind::kAddress:
        return "Address";
      case abi::Type::Kind::kFixedBytes:
        return type.size() == 32 ? "Hash32" : "FixedBytes<" + std::to_string(type.size()) + ">";
      case abi::Type::Kind::kBytes:
        return "Bytes";
      case abi::Type::Kind::kString:
        return "std::string";
      case abi::Type::Kind::kArray: {
        const std::string element = cpp_type(type.element(), tuple);
        return "std::vector<" + (element == "std::uint8_t" ? "std::uint16_t" : element) + ">";
      }
      case abi::Type::Kind::kFixedArray:
        return "std::array<" + cpp_type(type.element(), tuple) + ", " +
               std::to_string(type.size()) + ">";
      case abi::Type::Kind::kTuple:
        break;
    }
    return tuple;
  }

  static Result<std::string> signature_of(const std::string& name,
                                          const std::vector<Field>& fields) {
    IMO_TRY(const abi::Type tuple, abi::Type::parse(tuple_of(fields)));
    return name + tuple.canonical();
  }

  static std::string list_doc(const std::vector<Field>& fields) {
    std::string text = "(";
    for (const Field& field : fields) text += (text.size() > 1 ? ", " : "") + field.solidity;
    return text + ")";
  }

  static std::string doc_of(const char* kind, const std::string& name,
                            const std::vector<Field>& fields) {
    return std::string(kind) + " " + name + list_doc(fields);
  }

  Contract contract_;
  Scope types_;
  Scope functions_;
  Scope events_;
  Scope errors_;
  std::map<std::string, std::map<std::string, int>> names_;
  std::map<std::string, std::map<std::string, std::map<std::size_t, int>>> arities_;
  std::map<std::string, std::string> struct_names_;
};

}  // namespace

std::string tuple_of(const std::vector<Field>& fields) {
  std::string text = "(";
  for (const Field& field : fields) text += (text.size() > 1 ? "," : "") + field.abi;
  return text + ")";
}

Result<Contract> read_artifact(std::string_view name, std::string_view text) {
  const json artifact = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (artifact.is_discarded()) return invalid(std::string(name) + ": the artifact is not JSON");
  auto contract = Reader(name).read(artifact);
  if (!contract) return tl::unexpected(contract.error().within(name));
  return contract;
}

}  // namespace imo::eth::abigen
