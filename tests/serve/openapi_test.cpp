#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/common/web_files.h"
#include "forgedit/core/text.h"
#include "forgedit/serve/api.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using nlohmann::json;
using Rows = std::set<std::string>;

/// What apps/server/openapi.json says, against what there is.
class OpenApiTest : public testing::TemporaryFolder {
 protected:
  OpenApiTest() {
    for (const auto& file : web_files()) {
      if (file.name == "openapi.json") document_ = json::parse(file.bytes);
    }
  }

  /// "GET /api/v1/jobs/{}" for each row of the routing table.
  Rows routes() {
    Store store(folder_ / "db");
    EventRing ring("boot");
    Dispatcher::Options options;
    options.worker = {{"/bin/true"}, {}};
    Dispatcher dispatcher(options, store, ring);
    ApiOptions api;
    api.data = folder_;
    auto all = api_routes(api, store, dispatcher);
    for (auto& route : page_routes(web_files())) all.push_back(std::move(route));
    Rows rows;
    for (const auto& route : all) {
      if (route.pattern == "/" || starts_with(route.pattern, "/assets/")) continue;  // the page
      rows.insert(route.method + " " + unnamed(route.pattern));
    }
    return rows;
  }
  Rows described() const {
    Rows rows;
    for (const auto& [path, methods] : document_.at("paths").items()) {
      for (const auto& [method, operation] : methods.items()) {
        auto name = method;
        std::transform(name.begin(), name.end(), name.begin(),
                       [](char c) { return static_cast<char>(c - 32); });
        rows.insert(name + " " + unnamed(path));
      }
    }
    return rows;
  }
  /// A path whose parameters have no names.
  static std::string unnamed(const std::string& path) {
    std::string result;
    bool inside = false;
    for (const char c : path) {
      if (c == '}') inside = false;
      if (!inside) result += c;
      if (c == '{') inside = true;
    }
    return result;
  }

  json document_;
};

TEST_F(OpenApiTest, DescribesEveryRouteAndNoOther) {
  ASSERT_EQ(document_.at("openapi"), "3.1.0");
  const auto there = routes(), said = described();
  for (const auto& row : there) EXPECT_TRUE(said.count(row)) << row << " is not described";
  for (const auto& row : said) EXPECT_TRUE(there.count(row)) << row << " is described, but is not there";
}

TEST_F(OpenApiTest, SaysWhatIsRefusedForBeingTooMuch) {
  const std::pair<const char*, const char*> refusing[] = {
      {"/api/v1/session", "post"},         {"/api/v1/jobs", "post"},  {"/api/v1/jobs/{id}", "get"},
      {"/api/v1/jobs/{id}/retry", "post"}, {"/api/v1/events", "get"}, {"/v1/images/edits", "post"}};
  for (const auto& [path, method] : refusing) {
    EXPECT_TRUE(document_.at("paths").at(path).at(method).at("responses").contains("429")) << path;
  }
  const std::string about = document_.at("info").at("description");
  for (const auto* part : {"HEAD", "308"}) EXPECT_TRUE(testing::contains(about, part)) << part;
}

TEST_F(OpenApiTest, IsWhole) {
  Rows ids;
  for (const auto& [path, methods] : document_.at("paths").items()) {
    for (const auto& [method, operation] : methods.items()) {
      EXPECT_TRUE(ids.insert(operation.at("operationId")).second) << path;
      EXPECT_FALSE(operation.at("responses").empty()) << path;
      std::size_t named = 0;
      for (const auto& parameter : operation.value("parameters", json::array())) {
        if (parameter.at("in") != "path") continue;
        ++named;
        const std::string name = parameter.at("name");
        EXPECT_TRUE(testing::contains(path, "{" + name + "}")) << path << " has no " << name;
      }
      EXPECT_EQ(named, static_cast<std::size_t>(std::count(path.begin(), path.end(), '{'))) << path;
    }
  }
  const auto text = document_.dump();
  for (std::size_t at = text.find("\"#/"); at != std::string::npos; at = text.find("\"#/", at + 1)) {
    const auto pointer = text.substr(at + 2, text.find('"', at + 1) - at - 2);
    EXPECT_TRUE(document_.contains(json::json_pointer(pointer))) << pointer;
  }
}

}  // namespace
}  // namespace forgedit
