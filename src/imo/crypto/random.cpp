#include "imo/crypto/random.hpp"

#include "imo/base/check.hpp"

#include <cerrno>

#include <sys/random.h>

namespace imo::crypto {

void fill_random(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    IMO_CHECK(got > 0, "getrandom gave nothing");
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace imo::crypto
