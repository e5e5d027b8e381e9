#include "imo/api/page.hpp"

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"

#include <array>
#include <string>

#include <fmt/format.h>

#ifdef IMO_PAGE
extern "C" {
extern const unsigned char imo_page_html_begin[];
extern const unsigned char imo_page_html_end[];
extern const unsigned char imo_page_js_begin[];
extern const unsigned char imo_page_js_end[];
extern const unsigned char imo_page_css_begin[];
extern const unsigned char imo_page_css_end[];
}
#endif

namespace imo::api {
namespace {

struct PageFile {
  std::string_view path;
  const char* content_type;
  std::string_view content;
  std::string etag;
};

PageFile make_file(std::string_view path, const char* type, std::string_view content) {
  const auto hash = to_hex(crypto::keccak256(as_bytes(content)));
  return {path, type, content, '"' + hash.substr(2, 32) + '"'};
}

#ifdef IMO_PAGE
std::string_view between(const unsigned char* begin, const unsigned char* end) {
  return {reinterpret_cast<const char*>(begin), static_cast<std::size_t>(end - begin)};
}

const auto& files() {
  static const std::array kFiles{
      make_file("/", "text/html; charset=utf-8", between(imo_page_html_begin, imo_page_html_end)),
      make_file("/app.js", "text/javascript; charset=utf-8",
                between(imo_page_js_begin, imo_page_js_end)),
      make_file("/app.css", "text/css; charset=utf-8",
                between(imo_page_css_begin, imo_page_css_end)),
  };
  return kFiles;
}
#else
const auto& files() {
  static const std::array kFiles{make_file(
      "/", "text/html; charset=utf-8",
      "<!doctype html><html lang=\"en\"><title>imo</title><p>This imo was built without its page "
      "(CMake option IMO_PAGE). Its interfaces are there: <a "
      "href=\"/v1/offerings\">/v1/offerings</a>, <a href=\"/v1/models\">/v1/models</a>.</html>\n")};
  return kFiles;
}
#endif

}  // namespace

std::optional<HttpResponse> page_file(std::string_view path, std::string_view if_none_match,
                                      std::string_view chain_origin) {
  const auto wanted = path == "/index.html" ? std::string_view("/") : path;
  for (const auto& file : files()) {
    if (file.path != wanted) continue;
    HttpResponse response{200, file.content_type, "", {}};
    response.headers = {
        {"ETag", file.etag},
        {"Cache-Control", "no-cache"},
        {"Content-Security-Policy",
         fmt::format("default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr "
                     "'unsafe-inline'; img-src 'self' data:; connect-src 'self' {}; base-uri "
                     "'none'; form-action 'none'; frame-ancestors 'none'",
                     chain_origin)},
        {"Referrer-Policy", "no-referrer"}};
    if (if_none_match.find(file.etag) != std::string_view::npos) {
      response.status = 304;
    } else {
      response.body = file.content;
    }
    return response;
  }
  return std::nullopt;
}

}  // namespace imo::api
