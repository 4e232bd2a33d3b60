#include "forgedit/serve/page.h"

#include <zlib.h>

#include <algorithm>
#include <string>
#include <utility>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr std::pair<std::string_view, const char*> kTypes[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".json", "application/json"},
    {".png", "image/png"},
};
constexpr std::string_view kIndex = "index.html", kDescription = "openapi.json";
constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, in gzip's framing
constexpr int kMemoryLevel = 9;

const char* type_of(std::string_view name) {
  const auto ending = name.substr(std::min(name.rfind('.'), name.size()));
  for (const auto& [known, type] : kTypes) {
    if (ending == known) return type;
  }
  throw failure(std::string(name) + ": expected a file .html, .css, .js, .svg or .png");
}

std::string gzipped(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw failure("a file of the page cannot be compressed");
  }
  std::string result(deflateBound(&stream, bytes.size()), '\0');
  // zlib does not write to its input.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  const int end = deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  if (end != Z_STREAM_END) throw failure("a file of the page cannot be compressed");
  return result;
}

bool takes_gzip(const std::string& encodings) {
  const auto at = encodings.find("gzip");
  return at != std::string::npos && encodings.compare(at, 8, "gzip;q=0") != 0;
}

std::string path_of(std::string_view name) {
  if (name == kIndex) return "/";
  return (name == kDescription ? "/api/v1/" : "/assets/") + std::string(name);
}

HttpRoute route_of(const PageFile& file) {
  const auto path = path_of(file.name);
  const std::string type = type_of(file.name), tag = content_hash(file.bytes);
  return {"GET", path, 0, [file, type, tag, small = gzipped(file.bytes)](const HttpRequest& request) {
            const bool is_small = takes_gzip(request.header("accept-encoding"));
            HttpResponse response;
            response.content_type = type;
            response.body = is_small ? small : std::string(file.bytes);
            response.headers = {{"ETag", "\"" + tag + (is_small ? "-gzip\"" : "\"")},
                                {"Cache-Control", "no-cache"},
                                {"Vary", "Accept-Encoding"}};
            if (is_small) response.headers.emplace_back("Content-Encoding", "gzip");
            return response;
          }};
}

}  // namespace

std::vector<HttpRoute> page_routes(const std::vector<PageFile>& files) {
  std::vector<HttpRoute> routes;
  for (const auto& file : files) routes.push_back(route_of(file));
  return routes;
}

}  // namespace forgedit
