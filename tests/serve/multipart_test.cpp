#include "forgedit/serve/multipart.h"

#include <gtest/gtest.h>

#include "forgedit/serve/http.h"

namespace forgedit {
namespace {

constexpr const char* kType = "multipart/form-data; boundary=XX";

std::string part(const std::string& disposition, const std::string& content, const std::string& more = {}) {
  return "--XX\r\nContent-Disposition: " + disposition + "\r\n" + more + "\r\n" + content + "\r\n";
}

int status_of(const std::string& type, const std::string& body) {
  try {
    read_multipart(type, body);
  } catch (const HttpError& error) {
    return error.status();
  }
  return 0;
}

TEST(Multipart, PartsAreRead) {
  const auto content = std::string("\x89PNG\r\n--X\r\n\0\r\n", 15);
  const auto body = part("form-data; name=\"image\"; filename=\"a \\\"b\\\".png\"", content,
                         "Content-Type: image/png\r\n") +
                    part("FORM-DATA ;name=prompt", "a dog\r\njumps") + part("form-data; name=\"n\"", "") +
                    "--XX--";
  for (const auto* end : {"", "\r\n", "\r\nepilogue"}) {
    const auto whole = body + end;  // the parts lie in it
    const auto parts = read_multipart("Multipart/Form-Data; charset=utf-8; boundary=\"XX\"", whole);
    ASSERT_EQ(parts.size(), 3U);
    EXPECT_EQ(parts[0].name, "image");
    EXPECT_EQ(parts[0].file_name, "a \"b\".png");
    EXPECT_EQ(parts[0].content, content);
    EXPECT_EQ(parts[1].name, "prompt");
    EXPECT_FALSE(parts[1].file_name);
    EXPECT_EQ(parts[1].content, "a dog\r\njumps");
    EXPECT_EQ(parts[2].content, "");
  }
  EXPECT_TRUE(read_multipart(kType, "--XX--").empty());
}

TEST(Multipart, WhatIsMalformedIsRefused) {
  const auto one = part("form-data; name=a", "1");
  EXPECT_EQ(status_of("application/json", one + "--XX--"), 415);
  EXPECT_EQ(status_of("multipart/form-data", one + "--XX--"), 400);
  EXPECT_EQ(status_of("multipart/form-data; boundary=", one + "--XX--"), 400);
  EXPECT_EQ(status_of("multipart/form-data; boundary=" + std::string(71, 'x'), one), 400);
  EXPECT_EQ(status_of(kType, ""), 400);
  EXPECT_EQ(status_of(kType, one), 400) << "no end";
  EXPECT_EQ(status_of(kType, one.substr(0, one.size() - 2) + "--XX--"), 400) << "the end is in the content";
  EXPECT_EQ(status_of(kType, "x" + one + "--XX--"), 400);
  EXPECT_EQ(status_of(kType, "--XXx\r\n\r\n\r\n--XX--"), 400);
  EXPECT_EQ(status_of(kType, part("attachment; name=a", "1") + "--XX--"), 400);
  EXPECT_EQ(status_of(kType, part("form-data", "1") + "--XX--"), 400);
  EXPECT_EQ(status_of(kType, part("form-data; name=\"a", "1") + "--XX--"), 400);
  EXPECT_EQ(status_of(kType, part("form-data; name", "1") + "--XX--"), 400);
  EXPECT_EQ(status_of(kType, part("form-data; name=\"a\"b", "1") + "--XX--"), 400);
  EXPECT_EQ(status_of(kType, "--XX\r\nno colon\r\n\r\n\r\n--XX--"), 400);
}

TEST(Multipart, ItIsBounded) {
  std::string many;
  for (int i = 0; i < 16; ++i) many += part("form-data; name=a", "1");
  EXPECT_EQ(read_multipart(kType, many + "--XX--").size(), 16U);
  EXPECT_EQ(status_of(kType, many + part("form-data; name=a", "1") + "--XX--"), 400);
  const auto long_header = "X: " + std::string(4096, 'x') + "\r\n";
  EXPECT_EQ(status_of(kType, part("form-data; name=a", "1", long_header) + "--XX--"), 400);
}

}  // namespace
}  // namespace forgedit
