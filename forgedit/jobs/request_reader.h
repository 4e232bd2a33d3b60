#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// Reads one object of a request strictly. Every error is a usage Error whose field is the key's path;
/// `finish` throws one for keys that nobody read.
class RequestReader {
 public:
  /// `path` is the prefix of keys in errors: "" or "story[2]". Throws a usage Error if `object` is not a JSON
  /// object.
  RequestReader(const nlohmann::json& object, std::string path);

  /// Returns the value of a key, or null if the key is missing or its value is null. `alias` is another
  /// accepted name of the key.
  const nlohmann::json* find(const char* key, const char* alias = nullptr);

  // These read a key into `value`, and leave `value` unchanged if the key is missing.
  void text(const char* key, std::string& value, const char* alias = nullptr);
  void boolean(const char* key, bool& value);
  void boolean(const char* key, std::optional<bool>& value);
  void whole(const char* key, std::int64_t& value, std::int64_t low, std::int64_t high);
  void whole(const char* key, std::optional<std::int64_t>& value, std::int64_t low, std::int64_t high);
  void real(const char* key, double& value, double low, double high, const char* alias = nullptr);
  void real(const char* key, std::optional<double>& value, double low, double high,
            const char* alias = nullptr);

  /// Numbers, seeds or words: one value, a list, or a text as on the command line ("0.6:1.4:0.2", "a,b").
  std::optional<std::vector<double>> numbers(const char* key);
  std::optional<std::vector<std::uint64_t>> seeds(const char* key, const char* alias);
  std::optional<std::vector<std::string>> words(const char* key);
  /// Texts that are not split at commas: one or a list.
  std::optional<std::vector<std::string>> texts(const char* key, const char* alias);

  /// Throws a usage Error for the first key that nobody read, and suggests the known key nearest to it.
  void finish() const;

  /// "; got 'X'; did you mean 'Y'?" if an unknown key resembles one of `names`; else empty.
  std::string misspelt(const std::vector<std::string>& names) const;

  [[noreturn]] void reject(const std::string& key, const std::string& message) const;
  std::string path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  /// Returns whichever of `key` and `alias` the request contains.
  std::string written(const char* key, const char* alias) const;

 private:
  const nlohmann::json& object_;
  std::string path_;
  std::vector<std::string> known_;
};

}  // namespace forgedit
