#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// Parses a JSON file whose top level is an object. Throws Error with the name of the file.
nlohmann::json read_json_object(const std::filesystem::path& path);

/// The error that nlohmann::json::parse found, for a message: "a number is too large: 1e400", or its own text
/// without the name of the exception.
std::string json_mistake(const std::exception& error);

/// Typed, checked access to a configuration object; every error names file and key.
class ConfigReader {
 public:
  /// Reads `path`.
  explicit ConfigReader(const std::filesystem::path& path);
  ConfigReader(std::string origin, const nlohmann::json& object);

  bool has(const std::string& key) const;  ///< present and not null
  bool is_list(const std::string& key) const;

  /// An integer within [low, high]; `fallback` if the key is absent or null.
  std::int64_t integer(const std::string& key, std::optional<std::int64_t> fallback, std::int64_t low,
                       std::int64_t high) const;
  double number(const std::string& key, std::optional<double> fallback) const;
  bool boolean(const std::string& key, bool fallback) const;
  std::string text(const std::string& key, std::optional<std::string> fallback) const;
  std::vector<std::int64_t> integers(const std::string& key, std::int64_t low, std::int64_t high) const;
  std::vector<std::string> texts(const std::string& key) const;

  /// Throws "<file>: <key>: <what>".
  [[noreturn]] void reject(const std::string& key, const std::string& what) const;

 private:
  std::string origin_;
  std::shared_ptr<const nlohmann::json> object_;
};

}  // namespace forgedit
