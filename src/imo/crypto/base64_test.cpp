#include "imo/crypto/base64.hpp"

#include <gtest/gtest.h>

namespace imo::crypto {
namespace {

/// RFC 4648, section 10.
TEST(Base64, IsThatOfTheStandard) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(bytes)), text);
    const BytesView view = as_bytes(bytes);
    EXPECT_EQ(from_base64(text).value(), Bytes(view.begin(), view.end()));
  }
  const Bytes high{0xfb, 0xff, 0xfe};
  EXPECT_EQ(to_base64(high), "+//+");
  EXPECT_EQ(from_base64("+//+").value(), high);
}

TEST(Base64, OneTextForTheSameBytes) {
  for (const char* text : {"Zg", "Zg=", "Zh==", "Zm9=", "Z", "====", "=", "Zg==Zg==", "Zm9v\n",
                           "Zm-v", "Zg===", " Zg=="}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

}  // namespace
}  // namespace imo::crypto
