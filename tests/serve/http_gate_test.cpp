#include "forgedit/serve/http_gate.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

HttpResponse nothing(const HttpRequest&) {
  return {};
}

const HttpGate kGate(access_rules("127.0.0.1", 7860, {}),
                     HttpRouter({{"GET", "/jobs", 0, nothing}, {"POST", "/jobs", 10, nothing}}), {5, 30, ""});

HttpHead head(std::string_view method, std::string_view target) {
  return {method, target, {{"HOST", "127.0.0.1:7860"}}};
}

HttpError refused(const HttpHead& head) {
  try {
    kGate.pass(head);
  } catch (const HttpError& error) {
    return error;
  }
  return {0, "", ""};
}

TEST(HttpGate, TellsWhatWasAsked) {
  auto asks = head("POST", "/jobs?a=b+c");
  asks.fields.emplace_back("Content-Type", "Image/PNG ; charset=x");
  asks.fields.emplace_back("X-A", "1");
  asks.fields.emplace_back("x-a", "2");
  const auto passed = kGate.pass(asks);
  EXPECT_EQ(passed.route->most_body, 10U);
  EXPECT_EQ(passed.request.query.at("a"), "b c");
  EXPECT_EQ(passed.request.content_type, "image/png");
  EXPECT_EQ(passed.request.header("x-a"), "1, 2");
  EXPECT_EQ(passed.request.header("x-b"), "");
}

TEST(HttpGate, RefusesInOrder) {
  auto many = head("GET", "/jobs");
  many.fields.resize(6);
  EXPECT_EQ(refused(many).status(), 431);
  EXPECT_EQ(refused(head("GET", "/012345678901234567890123456789")).status(), 414);
  EXPECT_EQ(refused(head("GET", "http://a/")).status(), 400);
  EXPECT_EQ(refused(head("GET", "")).status(), 400);
  EXPECT_EQ(refused({"GET", "/jobs", {}}).code(), "forbidden_host");
  auto twice = head("GET", "/jobs");
  twice.fields.push_back(twice.fields.front());
  EXPECT_EQ(refused(twice).code(), "forbidden_host") << "one of the two may be what a proxy reads";
  EXPECT_EQ(refused(head("GET", "/no")).status(), 404);
  const auto wrong = refused(head("PUT", "/jobs"));
  EXPECT_EQ(wrong.status(), 405);
  EXPECT_EQ(wrong.headers().at(0), (std::pair<std::string, std::string>("Allow", "GET, POST")));
}

TEST(HttpGate, HasABasePath) {
  const HttpGate gate(access_rules("127.0.0.1", 7860, {}),
                      HttpRouter({{"GET", "/", 0, nothing}, {"GET", "/healthz", 0, nothing}}),
                      {5, 30, "/edits"});
  EXPECT_EQ(gate.pass(head("GET", "/edits/?a=1")).request.path, "/");
  EXPECT_EQ(gate.pass(head("GET", "/edits/?a=1")).request.query.at("a"), "1");
  EXPECT_EQ(gate.pass(head("GET", "/healthz")).request.path, "/healthz");
  for (const auto* path : {"/", "/edits", "/editsx/", "/edit/", "/x/edits/"}) {
    EXPECT_THROW(gate.pass(head("GET", path)), HttpError) << path;
  }
}

TEST(HttpGate, KnowsWhoAsks) {
  AccessOptions options;
  options.sessions = std::make_shared<Sessions>(std::vector<OwnedToken>{{"ann", "secret"}}, "cookie");
  const HttpGate gate(access_rules("127.0.0.1", 7860, options), HttpRouter({{"GET", "/jobs", 0, nothing}}),
                      {9, 30, ""});
  auto asks = head("GET", "/jobs");
  EXPECT_THROW(gate.pass(asks), HttpError);
  asks.fields.emplace_back("Authorization", "Bearer secret");
  EXPECT_EQ(gate.pass(asks).request.owner, "ann");
}

TEST(HttpGate, AnswersForPagesOfNamedOrigins) {
  AccessOptions options;
  options.page_origins = {"https://app.example"};
  const HttpGate gate(access_rules("127.0.0.1", 7860, options), HttpRouter({{"POST", "/jobs", 10, nothing}}),
                      {9, 30, ""});
  const auto answered = [&](const HttpHead& head) {
    const auto passed = gate.pass(head);
    std::map<std::string, std::string> headers;
    for (const auto& [name, value] : answer(*passed.route, passed.request, {}).headers) headers[name] = value;
    return headers;
  };
  auto asks = head("OPTIONS", "/jobs");
  EXPECT_THROW(gate.pass(asks), HttpError) << "without an origin there is no such method";
  asks.fields.emplace_back("Origin", "https://app.example");
  EXPECT_EQ(answered(asks).at("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(answered(asks).count("Access-Control-Allow-Methods"), 1U);
  asks.method = "POST";
  EXPECT_EQ(answered(asks).at("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(answered(head("POST", "/jobs")).count("Access-Control-Allow-Origin"), 0U);
}

}  // namespace
}  // namespace forgedit
