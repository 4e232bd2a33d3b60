#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// Strict access to one object of a request. Every error is a usage Error whose field is the key's path; keys
/// that nobody asked for are errors too, see `finish`.
class RequestReader {
 public:
  /// `path` stands before the keys in errors: "" or "story[2]". Throws where `object` is none.
  RequestReader(const nlohmann::json& object, std::string path);

  /// The value of a key that is there and not null, else null. `alias` is another accepted name of the key.
  const nlohmann::json* find(const char* key, const char* alias = nullptr);

  // Each leaves `value` where the key is not there.
  void text(const char* key, std::string& value, const char* alias = nullptr);
  void boolean(const char* key, bool& value);
  void boolean(const char* key, std::optional<bool>& value);
  void whole(const char* key, std::int64_t& value, std::int64_t low, std::int64_t high);
  void whole(const char* key, std::optional<std::int64_t>& value, std::int64_t low, std::int64_t high);
  void real(const char* key, double& value, double low, double high, const char* alias = nullptr);
  void real(const char* key, std::optional<double>& value, double low, double high,
            const char* alias = nullptr);

  /// Numbers, seeds or words: one, a list, or a text as command lines have it ("0.6:1.4:0.2", "a,b").
  std::optional<std::vector<double>> numbers(const char* key);
  std::optional<std::vector<std::uint64_t>> seeds(const char* key, const char* alias);
  std::optional<std::vector<std::string>> words(const char* key);
  /// Texts as they stand: one or a list.
  std::optional<std::vector<std::string>> texts(const char* key, const char* alias);

  /// Throws a usage Error for the first key that was not asked for, with the known one that is nearest.
  void finish() const;

  /// "; got 'X'; did you mean 'Y'?" for a key that is like one of `names`; empty where there is none.
  std::string misspelt(const std::vector<std::string>& names) const;

  [[noreturn]] void reject(const std::string& key, const std::string& message) const;
  std::string path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  /// `key` or `alias`, as the request has it.
  std::string written(const char* key, const char* alias) const;

 private:
  const nlohmann::json& object_;
  std::string path_;
  std::vector<std::string> known_;
};

}  // namespace forgedit
