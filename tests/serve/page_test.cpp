#include "forgedit/serve/page.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "apps/common/web_files.h"
#include "forgedit/core/text.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

constexpr std::size_t kMostPage = 153'600;

std::string header_of(const HttpResponse& response, std::string_view name) {
  for (const auto& [known, value] : response.headers) {
    if (known == name) return value;
  }
  return {};
}

std::string gunzipped(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string result(kMostPage, '\0');
  std::string input = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(stream.total_out);
  inflateEnd(&stream);
  return result;
}

HttpResponse ask(const HttpRouter& router, const std::string& path,
                 std::map<std::string, std::string> headers = {}) {
  HttpRequest request;
  request.headers = std::move(headers);
  const auto match = router.find("GET", path);
  if (!match.route) return error_response(HttpError(404, "not_found", "no"));
  return answer(*match.route, request, {});
}

TEST(Page, IsServedWithItsFiles) {
  const HttpRouter router(page_routes({{"index.html", "<p>page"}, {"a.css", "p{}"}, {"b.js", "1"}}));
  const auto page = ask(router, "/");
  EXPECT_EQ(page.body, "<p>page");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(ask(router, "/assets/a.css").content_type, "text/css; charset=utf-8");
  EXPECT_EQ(ask(router, "/assets/b.js").content_type, "text/javascript; charset=utf-8");
  for (const auto* path :
       {"/index.html", "/assets/index.html", "/assets/", "/assets/c.js", "/assets/../b.js"}) {
    EXPECT_EQ(ask(router, path).status, 404) << path;
  }
  EXPECT_EQ(testing::message_of([] {
              page_routes({{"a.exe", ""}});
            }),
            "a.exe: expected a file .html, .css, .js, .svg or .png");
}

TEST(Page, IsSentOnceAndSmall) {
  const HttpRouter router(page_routes({{"index.html", "<p>page"}}));
  const auto small = ask(router, "/", {{"accept-encoding", "gzip, br"}});
  EXPECT_EQ(header_of(small, "Content-Encoding"), "gzip");
  EXPECT_EQ(gunzipped(small.body), "<p>page");
  const auto plain = ask(router, "/", {{"accept-encoding", "gzip;q=0"}});
  EXPECT_EQ(header_of(plain, "Content-Encoding"), "");
  const auto tag = header_of(plain, "ETag");
  EXPECT_NE(tag, header_of(small, "ETag"));
  for (const auto& known : {tag, "W/" + tag, "\"x\", " + tag}) {
    const auto again = ask(router, "/", {{"if-none-match", known}});
    EXPECT_EQ(again.status, 304) << known;
    EXPECT_EQ(again.body, "");
    EXPECT_EQ(header_of(again, "ETag"), tag);
  }
  EXPECT_EQ(ask(router, "/", {{"if-none-match", "\"x\""}}).status, 200);
}

TEST(Page, OfThisProjectIsWholeAndSmall) {
  std::size_t bytes = 0;
  bool has_index = false;
  for (const auto& file : web_files()) {
    if (file.name == "openapi.json") continue;
    if (ends_with(file.name, ".png")) {
      EXPECT_EQ(file.bytes, read_file(FORGEDIT_SOURCE_DIR "/assets/miniature/" + std::string(file.name)));
      continue;
    }
    bytes += file.bytes.size();
    has_index = has_index || file.name == "index.html";
    const std::string path = FORGEDIT_SOURCE_DIR "/apps/web/" + std::string(file.name);
    EXPECT_EQ(file.bytes, read_file(path)) << path;
    if (!ends_with(file.name, ".html")) continue;
    // The page's policy runs no script that stands in it, and takes no style from there.
    for (const auto* inline_code : {"<script>", "<style", " style=", " onclick=", "javascript:"}) {
      EXPECT_FALSE(testing::contains(std::string(file.bytes), inline_code))
          << file.name << ": " << inline_code;
    }
  }
  EXPECT_TRUE(has_index);
  EXPECT_LE(bytes, kMostPage);
}

}  // namespace
}  // namespace forgedit
