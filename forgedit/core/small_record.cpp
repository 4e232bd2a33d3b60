#include "forgedit/core/small_record.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::size_t kMostBytes = std::size_t{1} << 20;

}  // namespace

json read_small_record(const std::filesystem::path& path) {
  try {
    auto record = json::parse(read_file(path, kMostBytes), nullptr, /*allow_exceptions=*/false);
    return record.is_object() ? record : json();
  } catch (const Error&) {
    return {};
  }
}

std::string text_in(const json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t whole_in(const json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

}  // namespace forgedit
