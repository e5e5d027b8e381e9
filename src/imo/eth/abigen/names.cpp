#include "imo/eth/abigen/names.hpp"

#include <algorithm>
#include <array>

namespace imo::eth::abigen {
namespace {

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
char lower(char c) {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Keywords, and the macros of the C library that are spelt like identifiers. Sorted.
constexpr std::array<std::string_view, 101> kReserved = {
    "alignas",    "alignof",       "and",         "and_eq",    "asm",          "assert",
    "auto",       "bitand",        "bitor",       "bool",      "break",        "case",
    "catch",      "char",          "char16_t",    "char32_t",  "char8_t",      "class",
    "co_await",   "co_return",     "co_yield",    "compl",     "concept",      "const",
    "const_cast", "consteval",     "constexpr",   "constinit", "continue",     "decltype",
    "default",    "delete",        "do",          "double",    "dynamic_cast", "else",
    "enum",       "errno",         "explicit",    "export",    "extern",       "false",
    "float",      "for",           "friend",      "goto",      "if",           "inline",
    "int",        "linux",         "long",        "mutable",   "namespace",    "new",
    "noexcept",   "not",           "not_eq",      "nullptr",   "operator",     "or",
    "or_eq",      "private",       "protected",   "public",    "register",     "reinterpret_cast",
    "requires",   "return",        "setjmp",      "short",     "signed",       "sizeof",
    "static",     "static_assert", "static_cast", "stderr",    "stdin",        "stdout",
    "struct",     "switch",        "template",    "this",      "thread_local", "throw",
    "true",       "try",           "typedef",     "typeid",    "typename",     "union",
    "unix",       "unsigned",      "using",       "va_arg",    "virtual",      "void",
    "volatile",   "wchar_t",       "while",       "xor",       "xor_eq"};

bool is_reserved(std::string_view word) {
  return std::binary_search(kReserved.begin(), kReserved.end(), word);
}

}  // namespace

std::string to_snake_case(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i] == '$' ? '_' : name[i];
    // A word begins at a capital behind a small letter, and at the last capital of a row of them.
    const bool after_lower = i > 0 && is_lower(name[i - 1]);
    const bool ends_row = i > 0 && is_upper(name[i - 1]) && i + 1 < name.size() &&
                          name[i + 1] >= 'a' && name[i + 1] <= 'z';
    if (is_upper(c) && (after_lower || ends_row)) out += '_';
    const bool doubled = c == '_' && (out.empty() || out.back() == '_');
    if (!doubled) out += lower(c);
  }
  if (out.empty() || (out.front() >= '0' && out.front() <= '9')) out.insert(0, "n");
  return is_reserved(out) ? out + "_" : out;
}

std::string to_type_name(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '$', '_');
  out.erase(0, std::min(out.find_first_not_of('_'), out.size()));
  if (out.empty()) out = "Unnamed";
  if (out.front() >= 'a' && out.front() <= 'z') out.front() = static_cast<char>(out.front() - 32);
  return out;
}

std::string Scope::claim(std::string name) {
  while (!taken_.insert(name).second) name += '_';
  return name;
}

}  // namespace imo::eth::abigen
