#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forgedit {

/// A token, and whose it is.
struct OwnedToken {
  std::string owner, token;
};

/// The server's tokens, and browsers that have signed in with one: what a browser sends by itself (for
/// pictures and events) can only be a cookie. For one thread. Sessions end with the process.
class Sessions {
  using Clock = std::chrono::steady_clock;

 public:
  /// `cookie`: its name, which differs between servers of one machine, since cookies know no ports.
  Sessions(std::vector<OwnedToken> tokens, std::string cookie)
      : tokens_(std::move(tokens)), cookie_(std::move(cookie)) {}

  /// Whose token this is, empty where it is none; takes the same time for all of one length.
  std::string owner_of_token(std::string_view token) const;
  /// Whether tokens are of more than one owner.
  bool has_several_owners() const;
  /// Whether the client at this address may try a token now: after ten wrong ones within a minute it may not.
  bool may_try(std::string_view client);
  void count_wrong_token(std::string_view client);
  /// A new session of an owner as a header Set-Cookie; of too many the oldest one ends.
  std::string begin(const std::string& owner, const std::string& path, bool is_secure);
  /// Whose session the header Cookie has; empty where none is known.
  std::string owner_of_session(std::string_view cookies) const;
  /// Ends the session that the header has. Returns the header that removes the cookie.
  std::string end(std::string_view cookies, const std::string& path);

 private:
  std::string_view session_of(std::string_view cookies) const;

  struct Session {
    std::string secret, owner;
  };
  std::vector<OwnedToken> tokens_;
  std::string cookie_;
  std::deque<Session> sessions_;
  std::deque<std::pair<Clock::time_point, std::string>> wrong_;  // the last wrong tokens, and from where
};

/// Whether two texts are the same, in a time that depends on the length of `given` only.
bool is_same_secret(std::string_view given, std::string_view expected);

/// The tokens of a file: one a line, after its owner's name and a blank where it has one; lines with # are
/// for people. Without a name the owner is called "token-" and the beginning of the token's hash. Throws a
/// failure that names the line for one of fewer than 32 characters.
std::vector<OwnedToken> read_tokens(const std::string& text, const std::string& name);

}  // namespace forgedit
