#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// The server's tokens, and browsers that have signed in with one: what a browser sends by itself (for
/// pictures and events) can only be a cookie. For one thread. Sessions end with the process.
class Sessions {
  using Clock = std::chrono::steady_clock;

 public:
  /// `cookie`: its name, which differs between servers of one machine, since cookies know no ports.
  Sessions(std::vector<std::string> tokens, std::string cookie)
      : tokens_(std::move(tokens)), cookie_(std::move(cookie)) {}

  /// Whether this is one of the tokens; takes the same time for all of one length.
  bool has_token(std::string_view token) const;
  /// Whether somebody may try a token now: after ten wrong ones within a minute nobody may.
  bool may_try();
  void count_wrong_token() { wrong_.push_back(Clock::now()); }
  /// A new session as a header Set-Cookie; of too many the oldest one ends.
  std::string begin(const std::string& path, bool is_secure);
  /// Whether the header Cookie has a session that is known.
  bool has_session(std::string_view cookies) const;
  /// Ends the session that the header has. Returns the header that removes the cookie.
  std::string end(std::string_view cookies, const std::string& path);

 private:
  std::string_view session_of(std::string_view cookies) const;

  std::vector<std::string> tokens_;
  std::string cookie_;
  std::deque<std::string> sessions_;
  std::deque<Clock::time_point> wrong_;  // when the last wrong tokens came
};

/// Whether two texts are the same, in a time that depends on the length of `given` only.
bool is_same_secret(std::string_view given, std::string_view expected);

/// The tokens of a file: one a line, after a name and a blank where it has one; lines with # are for people.
/// Throws a failure that names the line for one of fewer than 32 characters.
std::vector<std::string> read_tokens(const std::string& text, const std::string& name);

}  // namespace forgedit
