#include "forgedit/serve/sessions.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

const std::string kToken(32, 'a');

TEST(Sessions, BeginAndEnd) {
  Sessions sessions({{"ann", kToken}, {"bob", "b"}}, "forgedit");
  EXPECT_EQ(sessions.owner_of_token(kToken), "ann");
  EXPECT_EQ(sessions.owner_of_token("b"), "bob");
  EXPECT_EQ(sessions.owner_of_token(""), "");
  EXPECT_EQ(sessions.owner_of_token("c"), "");
  EXPECT_TRUE(sessions.has_several_owners());
  EXPECT_FALSE(Sessions({{"ann", "a"}, {"ann", "b"}}, "c").has_several_owners());
  const auto cookie = sessions.begin("bob", "/edits/", true);
  EXPECT_TRUE(testing::contains(cookie, "; Path=/edits/; HttpOnly; SameSite=Strict;")) << cookie;
  EXPECT_TRUE(testing::contains(cookie, "; Secure")) << cookie;
  const auto pair = cookie.substr(0, cookie.find(';'));
  EXPECT_EQ(sessions.owner_of_session("other=1; " + pair), "bob");
  EXPECT_EQ(sessions.owner_of_session("x" + pair), "");
  for (const auto* wrong : {"", "forgedit", "forgedit=", ";;;", "forgedit=;forgedit=", "=", "forgedit=abc"}) {
    EXPECT_EQ(sessions.owner_of_session(wrong), "") << wrong;
  }
  EXPECT_TRUE(testing::contains(sessions.end(pair, "/"), "Max-Age=0"));
  EXPECT_EQ(sessions.owner_of_session(pair), "");
}

TEST(Sessions, WrongTokensOfOneClientAreFew) {
  Sessions sessions({{"ann", kToken}}, "c");
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(sessions.may_try("192.0.2.1"));
    sessions.count_wrong_token("192.0.2.1");
  }
  EXPECT_FALSE(sessions.may_try("192.0.2.1"));
  EXPECT_TRUE(sessions.may_try("192.0.2.2")) << "another one's";
  for (int i = 0; i < 5'000; ++i) sessions.count_wrong_token(std::to_string(i));
  EXPECT_TRUE(sessions.may_try("192.0.2.1")) << "the table is bounded";
}

TEST(Sessions, AreBounded) {
  Sessions sessions({{"ann", kToken}}, "c");
  const auto first = sessions.begin("ann", "/", false);
  for (int i = 0; i < 1000; ++i) sessions.begin("ann", "/", false);
  EXPECT_EQ(sessions.owner_of_session(first.substr(0, first.find(';'))), "");
}

TEST(Tokens, AreRead) {
  const auto tokens = read_tokens("# ours\n\n me too " + kToken + "\n" + std::string(32, 'b'), "file");
  ASSERT_EQ(tokens.size(), 2U);
  EXPECT_EQ(tokens[0].token, kToken);
  EXPECT_EQ(tokens[0].owner, "me too");
  EXPECT_EQ(tokens[1].token, std::string(32, 'b'));
  EXPECT_EQ(tokens[1].owner.substr(0, 6), "token-");
  EXPECT_EQ(tokens[1].owner.size(), 14U);
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
