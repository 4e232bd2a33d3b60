#include "forgedit/serve/http.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

using nlohmann::json;

HttpResponse nothing(const HttpRequest&) {
  return {};
}

int status_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const HttpError& error) {
    return error.status();
  }
  return 0;
}

TEST(HttpRouter, FindsRoutesAndWhatStandsInThem) {
  const HttpRouter router({{"GET", "/jobs", 0, nothing},
                           {"POST", "/jobs", 10, nothing},
                           {"GET", "/jobs/{id}", 0, nothing},
                           {"GET", "/jobs/{id}/pictures/{stem}.png", 0, nothing}});
  EXPECT_EQ(router.find("POST", "/jobs").route->most_body, 10U);
  EXPECT_EQ(router.find("GET", "/jobs/a").parts, std::vector<std::string>{"a"});
  EXPECT_EQ(router.find("GET", "/jobs/a/pictures/b%20c.png").parts, (std::vector<std::string>{"a", "b c"}));
  const auto wrong = router.find("DELETE", "/jobs");
  EXPECT_FALSE(wrong.route);
  EXPECT_EQ(wrong.allow, "GET, POST");
  for (const auto* path :
       {"/", "", "/jobs/", "/jobs//", "//jobs", "/jobs/a/pictures/.png", "/jobs/a/pictures/b.jpg",
        "/jobs/../jobs", "/jobs/a/pictures/../../a.png", "/Jobs", "/jobs/a/"}) {
    const auto none = router.find("GET", path);
    EXPECT_FALSE(none.route) << path;
    EXPECT_EQ(none.allow, "") << path;
  }
  // A slash that is encoded stays within its part, which is looked up and is no path.
  EXPECT_EQ(router.find("GET", "/jobs/..%2F..%2Fetc").parts, std::vector<std::string>{"../../etc"});
}

TEST(HttpAddress, IsDecodedStrictly) {
  EXPECT_EQ(percent_decoded("a%41%e4+"), "aA\xe4+");
  for (const auto* wrong : {"%", "a%4", "%zz", "%00"}) {
    EXPECT_EQ(status_of([&] { percent_decoded(wrong); }), 400) << wrong;
  }
  const auto query = parse_query("a=1&b=x+y%26&c&&d=");
  EXPECT_EQ(query, (std::map<std::string, std::string>{{"a", "1"}, {"b", "x y&"}, {"c", ""}, {"d", ""}}));
  EXPECT_EQ(status_of([] { parse_query("a=1&a=2"); }), 400);
  EXPECT_EQ(status_of([] { parse_query("a=%"); }), 400);
}

TEST(HttpAnswer, ErrorsBecomeAnswers) {
  std::string trouble;
  const auto answered = [&](const std::function<void()>& action) {
    const HttpRoute route{"GET", "/", 0, [&](const HttpRequest&) {
                            action();
                            return HttpResponse();
                          }};
    const auto response = answer(route, {}, [&](const std::string& what) { trouble = what; });
    return std::pair(response.status, response.body);
  };
  EXPECT_EQ(answered([] {}).first, 200);
  const auto usage = answered([] { throw usage_error("gamma", "expected a number"); });
  EXPECT_EQ(usage.first, 400);
  EXPECT_EQ(json::parse(usage.second)["error"], (json{{"code", "bad_request"},
                                                      {"message", "expected a number"},
                                                      {"type", "invalid_request_error"},
                                                      {"param", "gamma"}}));
  EXPECT_EQ(answered([] { throw HttpError(404, "job_unknown", "no"); }).first, 404);
  EXPECT_EQ(trouble, "");
  const auto inside = answered([] { throw failure("/home/me/secret: cannot be read"); });
  EXPECT_EQ(inside.first, 500);
  EXPECT_EQ(inside.second.find("secret"), std::string::npos);
  EXPECT_EQ(trouble, "/home/me/secret: cannot be read");
  EXPECT_EQ(answered([] { throw std::bad_alloc(); }).first, 500);
}

}  // namespace
}  // namespace forgedit
