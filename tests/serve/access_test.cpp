#include "forgedit/serve/access.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

const AccessRules kRules = access_rules("127.0.0.1", 7860, {});

AccessOptions with_token(std::vector<std::string> names) {
  AccessOptions options;
  options.host_names = std::move(names);
  options.sessions =
      std::make_shared<Sessions>(std::vector<OwnedToken>{{"ann", "other"}, {"bob", "secret"}}, "cookie");
  return options;
}

AccessRequest get(std::string_view host) {
  AccessRequest request;
  request.method = "GET";
  request.path = "/api/v1/jobs";
  request.host = host;
  return request;
}

AccessRequest post(std::string_view origin, std::string_view site = {}) {
  auto request = get("127.0.0.1:7860");
  request.method = "POST";
  request.origin = origin;
  request.fetch_site = site;
  return request;
}

TEST(Access, OnlyNamedHostsAreAnswered) {
  for (const auto* host : {"127.0.0.1:7860", "localhost:7860", "LocalHost:7860", "[::1]:7860"}) {
    EXPECT_EQ(check_access(kRules, get(host)), Access::allowed) << host;
  }
  for (const auto* host :
       {"", "evil.example:7860", "evil.example", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:78600",
        "localhost.:7860", "localhost:7860 ", "127.0.0.2:7860", "::1:7860", "localhost:7860.evil.example",
        "user@localhost:7860", "0.0.0.0:7860"}) {
    EXPECT_EQ(check_access(kRules, get(host)), Access::forbidden_host) << host;
  }
  auto health = get("evil.example:7860");
  health.path = "/healthz";
  EXPECT_EQ(check_access(kRules, health), Access::forbidden_host) << "on every path";
}

// What Chromium sends from pages of an attacker to a server on loopback.
TEST(Access, PagesFromElsewhereAreRefused) {
  EXPECT_EQ(check_access(kRules, post("http://127.0.0.1:18702", "same-site")), Access::forbidden_origin);
  EXPECT_EQ(check_access(kRules, post("http://127.0.0.1:18702")), Access::forbidden_origin);
  auto no_cors = get("127.0.0.1:7860");
  no_cors.fetch_site = "same-site";
  no_cors.fetch_mode = "no-cors";
  EXPECT_EQ(check_access(kRules, no_cors), Access::forbidden_origin);
  EXPECT_EQ(check_access(kRules, post("http://localhost:18702", "cross-site")), Access::forbidden_origin);
  EXPECT_EQ(check_access(kRules, post("null", "cross-site")), Access::forbidden_origin);
  EXPECT_EQ(check_access(kRules, post("null")), Access::forbidden_origin);
  auto rebound = post("http://evil.example:7860");
  rebound.host = "evil.example:7860";
  EXPECT_EQ(check_access(kRules, rebound), Access::forbidden_host);
  EXPECT_EQ(check_access(kRules, get("evil.example:7860")), Access::forbidden_host);
}

TEST(Access, OriginsAreComparedExactly) {
  EXPECT_EQ(check_access(kRules, post("")), Access::allowed) << "programs send none";
  EXPECT_EQ(check_access(kRules, post("http://127.0.0.1:7860", "same-origin")), Access::allowed);
  EXPECT_EQ(check_access(kRules, post("http://[::1]:7860")), Access::allowed);
  for (const auto* origin : {"https://127.0.0.1:7860", "http://127.0.0.1", "http://127.0.0.1:7860/",
                             "http://127.0.0.1:7860.evil.example", "HTTP://127.0.0.1:7860"}) {
    EXPECT_EQ(check_access(kRules, post(origin)), Access::forbidden_origin) << origin;
  }
  auto read = get("127.0.0.1:7860");
  read.origin = "http://evil.example";
  EXPECT_EQ(check_access(kRules, read), Access::forbidden_origin);
}

TEST(Access, ALinkMayOpenThePageOnly) {
  auto link = get("127.0.0.1:7860");
  link.path = "/";
  link.fetch_site = "cross-site";
  link.fetch_mode = "navigate";
  EXPECT_EQ(check_access(kRules, link), Access::allowed);
  link.fetch_mode = "no-cors";
  EXPECT_EQ(check_access(kRules, link), Access::forbidden_origin);
  link.fetch_mode = "navigate";
  link.path = "/api/v1/jobs";
  EXPECT_EQ(check_access(kRules, link), Access::forbidden_origin);
  link.fetch_site = "none";
  EXPECT_EQ(check_access(kRules, link), Access::allowed) << "typed by the user";
}

TEST(Access, ATokenIsNeededWhereThereIsOne) {
  const auto rules = access_rules("192.0.2.7", 80, with_token({"edits.example"}));
  auto request = get("edits.example");
  EXPECT_EQ(check_access(rules, request), Access::unauthorized);
  for (const auto* wrong :
       {"secret", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Basic secret"}) {
    request.authorization = wrong;
    EXPECT_EQ(check_access(rules, request), Access::unauthorized) << wrong;
  }
  request.authorization = "bearer secret";
  EXPECT_EQ(check_access(rules, request), Access::allowed);
  request.host = "192.0.2.7:80";
  EXPECT_EQ(check_access(rules, request), Access::allowed);
  request.host = "localhost";
  EXPECT_EQ(check_access(rules, request), Access::forbidden_host) << "it does not listen there";
  auto health = get("192.0.2.7");
  health.path = "/healthz";
  EXPECT_EQ(check_access(rules, health), Access::allowed);
}

TEST(Access, ThePageItselfNeedsNoToken) {
  const auto rules = access_rules("192.0.2.7", 80, with_token({}));
  auto request = get("192.0.2.7");
  for (const auto* path : {"/", "/assets/page.js", "/healthz", "/readyz"}) {
    request.path = path;
    EXPECT_EQ(check_access(rules, request), Access::allowed) << path;
  }
  for (const auto* path : {"/api/v1/jobs", "/assets", "/metrics", "//", "/v1/models"}) {
    request.path = path;
    EXPECT_EQ(check_access(rules, request), Access::unauthorized) << path;
  }
}

TEST(Access, ASessionIsAsGoodAsATokenButForForms) {
  const auto rules = access_rules("192.0.2.7", 80, with_token({}));
  const auto cookie = rules.sessions->begin("ann", "/", false);
  const auto pair = cookie.substr(0, cookie.find(';'));
  auto request = get("192.0.2.7");
  request.cookie = "cookie=";
  EXPECT_EQ(check_access(rules, request), Access::unauthorized);
  EXPECT_EQ(owner_of(rules, request), "");
  request.cookie = pair;
  EXPECT_EQ(check_access(rules, request), Access::allowed);
  EXPECT_EQ(owner_of(rules, request), "ann");
  auto with_header = request;
  with_header.authorization = "Bearer secret";
  EXPECT_EQ(owner_of(rules, with_header), "bob");
  request.method = "POST";
  EXPECT_EQ(check_access(rules, request), Access::unmarked) << "a form of another page sends the cookie too";
  request.mark = "1";
  EXPECT_EQ(check_access(rules, request), Access::allowed);
  request.origin = "http://192.0.2.7:8080";
  EXPECT_EQ(check_access(rules, request), Access::forbidden_origin);
  request = get("192.0.2.7");
  request.path = "/api/v1/session";
  EXPECT_EQ(check_access(rules, request), Access::unauthorized);
  request.method = "POST";
  EXPECT_EQ(check_access(rules, request), Access::allowed) << "to sign in";
}

TEST(Access, AProxyHasNamesAndPortsOfItsOwn) {
  AccessOptions options;
  options.host_names = {"edits.example", "lan.example:8443"};
  options.behind_proxy = true;
  const auto rules = access_rules("127.0.0.1", 7860, options);
  for (const auto* host : {"edits.example", "lan.example:8443", "edits.example:7860"}) {
    EXPECT_EQ(check_access(rules, get(host)), Access::allowed) << host;
  }
  EXPECT_EQ(check_access(rules, get("lan.example")), Access::forbidden_host);
  EXPECT_EQ(check_access(rules, get("localhost")), Access::forbidden_host);
  auto request = get("edits.example");
  request.origin = "https://edits.example";
  EXPECT_EQ(check_access(rules, request), Access::allowed);
  request.origin = "https://lan.example";
  EXPECT_EQ(check_access(rules, request), Access::forbidden_origin);
}

TEST(Access, PagesOfNamedOriginsMayAsk) {
  AccessOptions options = with_token({});
  options.page_origins = {"https://app.example"};
  const auto rules = access_rules("192.0.2.7", 80, options);
  auto request = get("192.0.2.7");
  request.origin = "https://app.example";
  request.fetch_site = "cross-site";
  EXPECT_EQ(check_access(rules, request), Access::unauthorized);
  request.authorization = "Bearer secret";
  EXPECT_EQ(check_access(rules, request), Access::allowed);
  request.authorization = {};
  request.method = "OPTIONS";
  EXPECT_EQ(check_access(rules, request), Access::allowed);
  request.origin = "https://app.example.evil.example";
  EXPECT_EQ(check_access(rules, request), Access::forbidden_origin);
}

TEST(Access, Addresses) {
  EXPECT_TRUE(is_loopback("127.0.0.1"));
  EXPECT_TRUE(is_loopback("::1"));
  EXPECT_FALSE(is_loopback("0.0.0.0"));
  EXPECT_FALSE(is_loopback("12.7.0.1"));
}

}  // namespace
}  // namespace forgedit
