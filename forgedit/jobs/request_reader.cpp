#include "forgedit/jobs/request_reader.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/core/suggest.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit {
namespace {

using nlohmann::json;

/// Everything in a list, or the one thing that stands there alone.
std::vector<const json*> items_of(const json& value) {
  std::vector<const json*> items;
  if (!value.is_array()) return {&value};
  for (const auto& item : value) items.push_back(&item);
  return items;
}

/// A wrong value in a message.
std::string shown(const json& value) {
  if (value.is_structured()) return value.is_array() ? "a list" : "an object";
  return one_line(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace

RequestReader::RequestReader(const json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object_.is_object()) throw usage_error(path_, "expected a JSON object");
}

std::string RequestReader::misspelt(const std::vector<std::string>& names) const {
  for (const auto& item : object_.items()) {
    if (std::find(known_.begin(), known_.end(), item.key()) != known_.end()) continue;
    const auto suggestion = did_you_mean(item.key(), names);
    if (!suggestion.empty()) return "; got '" + one_line(item.key()) + "'" + suggestion;
  }
  return {};
}

void RequestReader::reject(const std::string& key, const std::string& message) const {
  throw usage_error(path_of(key), message);
}

const json* RequestReader::find(const char* key, const char* alias) {
  const json* found = nullptr;
  for (const char* name : {key, alias}) {
    if (!name) continue;
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) known_.emplace_back(name);
    const auto value = object_.find(name);
    if (value == object_.end() || value->is_null()) continue;
    if (found) reject(name, std::string("is another name of ") + key + ", which is there too");
    found = &*value;
  }
  return found;
}

std::string RequestReader::written(const char* key, const char* alias) const {
  const bool is_alias = alias && object_.contains(alias) && !object_.at(alias).is_null();
  return is_alias ? alias : key;
}

void RequestReader::text(const char* key, std::string& value, const char* alias) {
  const auto* found = find(key, alias);
  if (!found) return;
  if (!found->is_string()) reject(written(key, alias), "expected a string");
  value = found->get<std::string>();
}

void RequestReader::boolean(const char* key, bool& value) {
  const auto* found = find(key);
  if (!found) return;
  if (!found->is_boolean()) reject(key, "expected true or false, got " + shown(*found));
  value = found->get<bool>();
}

void RequestReader::boolean(const char* key, std::optional<bool>& value) {
  bool given = value.value_or(false);
  if (find(key)) boolean(key, given), value = given;
}

void RequestReader::whole(const char* key, std::optional<std::int64_t>& value, std::int64_t low,
                          std::int64_t high) {
  const auto* found = find(key);
  if (!found) return;
  const auto in_range = [&] {
    if (found->is_number_unsigned() && found->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) {
      return false;
    }
    return found->is_number_integer() && found->get<std::int64_t>() >= low &&
           found->get<std::int64_t>() <= high;
  };
  if (!in_range()) {
    reject(key, fmt::format("expected a whole number from {} to {}, got {}", low, high, shown(*found)));
  }
  value = found->get<std::int64_t>();
}

void RequestReader::whole(const char* key, std::int64_t& value, std::int64_t low, std::int64_t high) {
  std::optional<std::int64_t> given;
  whole(key, given, low, high);
  value = given.value_or(value);
}

void RequestReader::real(const char* key, std::optional<double>& value, double low, double high,
                         const char* alias) {
  const auto* found = find(key, alias);
  if (!found) return;
  const bool in_range = found->is_number() && found->get<double>() >= low && found->get<double>() <= high;
  if (!in_range) {
    reject(written(key, alias),
           fmt::format("expected a number from {} to {}, got {}", low, high, shown(*found)));
  }
  value = found->get<double>();
}

void RequestReader::real(const char* key, double& value, double low, double high, const char* alias) {
  std::optional<double> given;
  real(key, given, low, high, alias);
  value = given.value_or(value);
}

std::optional<std::vector<double>> RequestReader::numbers(const char* key) {
  const auto* found = find(key);
  if (!found) return {};
  if (found->is_string()) return parse_numbers(path_of(key), found->get<std::string>());
  std::vector<double> values;
  for (const auto* item : items_of(*found)) {
    if (!item->is_number()) reject(key, "expected a number or a list of numbers");
    values.push_back(item->get<double>());
  }
  if (values.empty()) reject(key, "expected at least one number");
  return values;
}

std::optional<std::vector<std::uint64_t>> RequestReader::seeds(const char* key, const char* alias) {
  const auto* found = find(key, alias);
  if (!found) return {};
  if (found->is_string()) return parse_seeds(path_of(written(key, alias)), found->get<std::string>());
  std::vector<std::uint64_t> values;
  for (const auto* item : items_of(*found)) {
    const bool is_seed =
        item->is_number_integer() && (item->is_number_unsigned() ? item->get<std::uint64_t>() <= INT64_MAX
                                                                 : item->get<std::int64_t>() >= 0);
    if (!is_seed) reject(written(key, alias), "expected whole numbers from 0, one or a list");
    values.push_back(item->get<std::uint64_t>());
  }
  if (values.empty()) reject(written(key, alias), "expected at least one seed");
  return values;
}

std::optional<std::vector<std::string>> RequestReader::words(const char* key) {
  const auto* found = find(key);
  if (!found) return {};
  if (found->is_string()) return parse_words(path_of(key), found->get<std::string>());
  return texts(key, nullptr);
}

std::optional<std::vector<std::string>> RequestReader::texts(const char* key, const char* alias) {
  const auto* found = find(key, alias);
  if (!found) return {};
  std::vector<std::string> values;
  for (const auto* item : items_of(*found)) {
    if (!item->is_string()) reject(written(key, alias), "expected a text or a list of texts");
    values.push_back(item->get<std::string>());
  }
  if (values.empty()) reject(written(key, alias), "expected at least one text");
  return values;
}

void RequestReader::finish() const {
  for (const auto& [key, value] : object_.items()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const auto hint = did_you_mean(key, known_);
    std::string list;
    for (const auto& name : known_) list += (list.empty() ? "" : ", ") + name;
    reject(one_line(key), "unknown key" + (hint.empty() ? ": expected one of " + list : hint));
  }
}

}  // namespace forgedit
