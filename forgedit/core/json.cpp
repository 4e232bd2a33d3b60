#include "forgedit/core/json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/one_line.h"

namespace forgedit {
namespace {

constexpr std::size_t kMaxConfigBytes = 16U << 20;
constexpr std::size_t kMaxListLength = 64;
constexpr int kMaxDepth = 64;

/// Throws a failure if a value is nested too deep: copying and printing it recurse and would overflow the
/// stack. Parsing does not recurse.
const nlohmann::json& check_depth(const nlohmann::json& root, const std::string& origin) {
  std::vector<std::pair<const nlohmann::json*, int>> open{{&root, 0}};
  while (!open.empty()) {
    const auto [value, depth] = open.back();
    open.pop_back();
    if (depth > kMaxDepth) throw failure(origin + ": nested too deep");
    if (!value->is_structured()) continue;
    for (const auto& inner : *value) {
      if (inner.is_structured()) open.emplace_back(&inner, depth + 1);
    }
  }
  return root;
}

}  // namespace

nlohmann::json read_json_object(const std::filesystem::path& path) {
  const std::string contents = read_file(path, kMaxConfigBytes);
  nlohmann::json parsed;
  try {
    parsed = nlohmann::json::parse(contents);
  } catch (const nlohmann::json::exception& error) {
    throw failure(path.string() + ": not valid JSON: " + json_mistake(error));
  }
  if (!parsed.is_object()) throw failure(path.string() + ": expected a JSON object");
  check_depth(parsed, path.string());
  return parsed;
}

std::string json_mistake(const std::exception& error) {
  const std::string what = error.what();
  const std::string overflow = "number overflow parsing ";
  if (const auto at = what.find(overflow); at != std::string::npos) {
    return "a number is too large: " + one_line(what.substr(at + overflow.size()), kMostMessage);
  }
  const auto begin = what.find("parse error");
  return one_line(begin == std::string::npos ? what : what.substr(begin), kMostMessage);
}

ConfigReader::ConfigReader(const std::filesystem::path& path)
    : ConfigReader(path.string(), read_json_object(path)) {}

ConfigReader::ConfigReader(std::string origin, const nlohmann::json& object)
    : origin_(std::move(origin)), object_(std::make_shared<nlohmann::json>(check_depth(object, origin_))) {}

bool ConfigReader::has(const std::string& key) const {
  const auto found = object_->find(key);
  return found != object_->end() && !found->is_null();
}

bool ConfigReader::is_list(const std::string& key) const {
  return has(key) && object_->at(key).is_array();
}

std::int64_t ConfigReader::integer(const std::string& key, std::optional<std::int64_t> fallback,
                                   std::int64_t low, std::int64_t high) const {
  if (!has(key)) {
    if (fallback) return *fallback;
    reject(key, "missing");
  }
  const auto& value = object_->at(key);
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) ||
      value.get<std::int64_t>() < low || value.get<std::int64_t>() > high) {
    reject(key, "expected an integer from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value.get<std::int64_t>();
}

double ConfigReader::number(const std::string& key, std::optional<double> fallback) const {
  if (!has(key)) {
    if (fallback) return *fallback;
    reject(key, "missing");
  }
  const auto& value = object_->at(key);
  if (!value.is_number() || !std::isfinite(value.get<double>())) reject(key, "expected a number");
  return value.get<double>();
}

bool ConfigReader::boolean(const std::string& key, bool fallback) const {
  if (!has(key)) return fallback;
  const auto& value = object_->at(key);
  if (!value.is_boolean()) reject(key, "expected true or false");
  return value.get<bool>();
}

std::string ConfigReader::text(const std::string& key, std::optional<std::string> fallback) const {
  if (!has(key)) {
    if (fallback) return *fallback;
    reject(key, "missing");
  }
  const auto& value = object_->at(key);
  if (!value.is_string()) reject(key, "expected a string");
  return value.get<std::string>();
}

std::vector<std::int64_t> ConfigReader::integers(const std::string& key, std::int64_t low,
                                                 std::int64_t high) const {
  if (!is_list(key)) reject(key, "expected a list of integers");
  const auto& list = object_->at(key);
  if (list.empty() || list.size() > kMaxListLength) reject(key, "expected 1 to 64 entries");
  std::vector<std::int64_t> result;
  for (const auto& value : list) {
    if (!value.is_number_integer() ||
        (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) ||
        value.get<std::int64_t>() < low || value.get<std::int64_t>() > high) {
      reject(key, "expected integers from " + std::to_string(low) + " to " + std::to_string(high));
    }
    result.push_back(value.get<std::int64_t>());
  }
  return result;
}

std::vector<std::string> ConfigReader::texts(const std::string& key) const {
  if (!is_list(key)) reject(key, "expected a list of strings");
  const auto& list = object_->at(key);
  if (list.empty() || list.size() > kMaxListLength) reject(key, "expected 1 to 64 entries");
  std::vector<std::string> result;
  for (const auto& value : list) {
    if (!value.is_string()) reject(key, "expected a list of strings");
    result.push_back(value.get<std::string>());
  }
  return result;
}

void ConfigReader::reject(const std::string& key, const std::string& what) const {
  throw failure(origin_ + ": " + one_line(key) + ": " + one_line(what, kMostMessage));
}

}  // namespace forgedit
