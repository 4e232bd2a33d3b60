#include "forgedit/serve/sessions.h"

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/serve/ids.h"

namespace forgedit {
namespace {

constexpr std::size_t kSessionBytes = 32, kMostSessions = 1000, kLeastToken = 32;
constexpr std::size_t kMostWrong = 10;
constexpr std::chrono::minutes kWrongTime{1};
constexpr const char* kCookieRules = "; HttpOnly; SameSite=Strict";
constexpr const char* kCookieAge = "; Max-Age=2592000";  // 30 days

/// A line of a text, which loses it.
std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return trimmed(line);
}

}  // namespace

bool is_same_secret(std::string_view given, std::string_view expected) {
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto other = expected.empty() ? '\0' : expected[i % expected.size()];
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(other);
  }
  return difference == 0;
}

bool Sessions::has_token(std::string_view token) const {
  bool found = false;
  for (const auto& known : tokens_) found = is_same_secret(token, known) || found;
  return found;
}

bool Sessions::may_try() {
  const auto since = Clock::now() - kWrongTime;
  while (!wrong_.empty() && wrong_.front() < since) wrong_.pop_front();
  return wrong_.size() < kMostWrong;
}

std::string Sessions::begin(const std::string& path, bool is_secure) {
  if (sessions_.size() >= kMostSessions) sessions_.pop_front();
  sessions_.push_back(random_hex(kSessionBytes));
  return cookie_ + "=" + sessions_.back() + "; Path=" + path + kCookieRules + kCookieAge +
         (is_secure ? "; Secure" : "");
}

std::string_view Sessions::session_of(std::string_view cookies) const {
  while (!cookies.empty()) {
    const auto end = std::min(cookies.find(';'), cookies.size());
    const auto cookie = trimmed(cookies.substr(0, end));
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    const auto equals = std::min(cookie.find('='), cookie.size());
    if (cookie.substr(0, equals) == cookie_) return cookie.substr(std::min(equals + 1, cookie.size()));
  }
  return {};
}

bool Sessions::has_session(std::string_view cookies) const {
  const auto session = session_of(cookies);
  bool found = false;
  for (const auto& known : sessions_) found = is_same_secret(session, known) || found;
  return found;
}

std::string Sessions::end(std::string_view cookies, const std::string& path) {
  const auto found = std::find(sessions_.begin(), sessions_.end(), session_of(cookies));
  if (found != sessions_.end()) sessions_.erase(found);
  return cookie_ + "=; Path=" + path + kCookieRules + "; Max-Age=0";
}

std::vector<std::string> read_tokens(const std::string& text, const std::string& name) {
  std::vector<std::string> tokens;
  std::string_view rest = text;
  for (int number = 1; !rest.empty(); ++number) {
    const auto line = take_line(rest);
    if (line.empty() || line.front() == '#') continue;
    const auto blank = line.find_last_of(" \t");
    const auto token = blank == std::string_view::npos ? line : line.substr(blank + 1);
    if (token.size() < kLeastToken) {
      throw failure(name + ":" + std::to_string(number) + ": expected a token of at least " +
                    std::to_string(kLeastToken) + " characters");
    }
    tokens.emplace_back(token);
  }
  if (tokens.empty()) throw failure(name + ": expected at least one token");
  return tokens;
}

}  // namespace forgedit
