#include "imo/eth/abigen/text.hpp"

#include <fmt/format.h>

namespace imo::eth::abigen {
namespace {

constexpr std::size_t kColumns = 99;  // with room for the ; or { behind

std::string parameter(const Field& field) {
  return field.by_value ? fmt::format("{} {}", field.cpp_type, field.name)
                        : fmt::format("const {}& {}", field.cpp_type, field.name);
}

}  // namespace

std::string doc(std::string_view text) {
  std::string out;
  std::string indent = "///";
  while (!text.empty()) {
    std::size_t end = text.size();
    if (indent.size() + 1 + text.size() > kColumns) {
      end = text.rfind(' ', kColumns - indent.size() - 1);
      if (end == std::string_view::npos || end == 0) end = std::min(text.find(' '), text.size());
    }
    out += fmt::format("{} {}\n", indent, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    indent = "///    ";
  }
  return out;
}

std::string signature(std::string_view type, std::string_view name,
                      const std::vector<Field>& parameters) {
  const std::string head = fmt::format("{} {}(", type, name);
  std::string line = head;
  std::string block = head;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::string text = parameter(parameters[i]);
    line += (i > 0 ? ", " : "") + text;
    block += fmt::format("{}\n    {}", i > 0 ? "," : "", text);
  }
  return (line.size() + 1 <= kColumns ? line : block) + ")";
}

std::string braced(BytesView bytes) {
  std::string text = "{";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) text += i % 8 == 0 ? ",\n    " : ", ";
    text += fmt::format("0x{:02X}", bytes[i]);
  }
  return text + "}";
}

std::string quoted(std::string_view text) {
  return fmt::format("\"{}\"", text);
}

}  // namespace imo::eth::abigen
