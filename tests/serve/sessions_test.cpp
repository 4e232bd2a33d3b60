#include "forgedit/serve/sessions.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

const std::string kToken(32, 'a');

TEST(Sessions, BeginAndEnd) {
  Sessions sessions({kToken, "b"}, "forgedit");
  EXPECT_TRUE(sessions.has_token(kToken));
  EXPECT_TRUE(sessions.has_token("b"));
  EXPECT_FALSE(sessions.has_token(""));
  EXPECT_FALSE(sessions.has_token("c"));
  const auto cookie = sessions.begin("/edits/", true);
  EXPECT_TRUE(testing::contains(cookie, "; Path=/edits/; HttpOnly; SameSite=Strict;")) << cookie;
  EXPECT_TRUE(testing::contains(cookie, "; Secure")) << cookie;
  const auto pair = cookie.substr(0, cookie.find(';'));
  EXPECT_TRUE(sessions.has_session("other=1; " + pair));
  EXPECT_FALSE(sessions.has_session("x" + pair));
  for (const auto* wrong : {"", "forgedit", "forgedit=", ";;;", "forgedit=;forgedit=", "=", "forgedit=abc"}) {
    EXPECT_FALSE(sessions.has_session(wrong)) << wrong;
  }
  EXPECT_TRUE(testing::contains(sessions.end(pair, "/"), "Max-Age=0"));
  EXPECT_FALSE(sessions.has_session(pair));
}

TEST(Sessions, WrongTokensAreFew) {
  Sessions sessions({kToken}, "c");
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(sessions.may_try());
    sessions.count_wrong_token();
  }
  EXPECT_FALSE(sessions.may_try());
}

TEST(Sessions, AreBounded) {
  Sessions sessions({kToken}, "c");
  const auto first = sessions.begin("/", false);
  for (int i = 0; i < 1000; ++i) sessions.begin("/", false);
  EXPECT_FALSE(sessions.has_session(first.substr(0, first.find(';'))));
}

TEST(Tokens, AreRead) {
  EXPECT_EQ(read_tokens("# ours\n\n me " + kToken + "\n" + std::string(32, 'b'), "file"),
            (std::vector<std::string>{kToken, std::string(32, 'b')}));
  EXPECT_EQ(testing::message_of([] { read_tokens("a\n", "file"); }),
            "file:1: expected a token of at least 32 characters");
  EXPECT_EQ(testing::message_of([] { read_tokens("# a\n", "file"); }), "file: expected at least one token");
}

TEST(Secrets, AreCompared) {
  EXPECT_TRUE(is_same_secret("abc", "abc"));
  EXPECT_FALSE(is_same_secret("abcabc", "abc"));
  EXPECT_FALSE(is_same_secret("", "abc"));
  EXPECT_FALSE(is_same_secret("abc", ""));
}

}  // namespace
}  // namespace forgedit
