#include "forgedit/serve/sessions.h"

#include <algorithm>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/one_line.h"
#include "forgedit/core/text.h"
#include "forgedit/serve/ids.h"

namespace forgedit {
namespace {

constexpr std::size_t kSessionBytes = 32, kMostSessions = 1000, kLeastToken = 32;
constexpr std::size_t kMostWrong = 10, kWrongKept = 4096, kMostOwner = 60, kHashOfOwner = 8;
constexpr std::chrono::minutes kWrongTime{1};
constexpr const char* kCookieRules = "; HttpOnly; SameSite=Strict";
constexpr const char* kCookieAge = "; Max-Age=2592000";  // 30 days

/// Removes the first line from `text` and returns it, trimmed.
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

std::string Sessions::owner_of_token(std::string_view token) const {
  const OwnedToken* found = nullptr;
  for (const auto& known : tokens_) {
    if (is_same_secret(token, known.token)) found = &known;
  }
  return found ? found->owner : std::string();
}

bool Sessions::has_several_owners() const {
  return std::any_of(tokens_.begin(), tokens_.end(),
                     [&](const OwnedToken& one) { return one.owner != tokens_.front().owner; });
}

bool Sessions::may_try(std::string_view client) {
  const auto since = Clock::now() - kWrongTime;
  while (!wrong_.empty() && wrong_.front().first < since) wrong_.pop_front();
  const auto count =
      std::count_if(wrong_.begin(), wrong_.end(), [&](const auto& one) { return one.second == client; });
  return static_cast<std::size_t>(count) < kMostWrong;
}

void Sessions::count_wrong_token(std::string_view client) {
  if (wrong_.size() >= kWrongKept) wrong_.pop_front();
  wrong_.emplace_back(Clock::now(), client);
}

std::string Sessions::begin(const std::string& owner, const std::string& path, bool is_secure) {
  if (sessions_.size() >= kMostSessions) sessions_.pop_front();
  sessions_.push_back({random_hex(kSessionBytes), owner});
  return cookie_ + "=" + sessions_.back().secret + "; Path=" + path + kCookieRules + kCookieAge +
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

std::string Sessions::owner_of_session(std::string_view cookies) const {
  const auto session = session_of(cookies);
  const Session* found = nullptr;
  for (const auto& known : sessions_) {
    if (is_same_secret(session, known.secret)) found = &known;
  }
  return found ? found->owner : std::string();
}

std::string Sessions::end(std::string_view cookies, const std::string& path) {
  const auto found =
      std::find_if(sessions_.begin(), sessions_.end(),
                   [session = session_of(cookies)](const Session& one) { return one.secret == session; });
  if (found != sessions_.end()) sessions_.erase(found);
  return cookie_ + "=; Path=" + path + kCookieRules + "; Max-Age=0";
}

std::vector<OwnedToken> read_tokens(const std::string& text, const std::string& name) {
  std::vector<OwnedToken> tokens;
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
    const auto given = blank == std::string_view::npos ? std::string_view() : trimmed(line.substr(0, blank));
    tokens.push_back({given.empty() ? "token-" + content_hash(std::string(token)).substr(0, kHashOfOwner)
                                    : one_line(given, kMostOwner),
                      std::string(token)});
  }
  if (tokens.empty()) throw failure(name + ": expected at least one token");
  return tokens;
}

}  // namespace forgedit
