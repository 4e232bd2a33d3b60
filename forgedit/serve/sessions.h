#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forgedit {

/// A token and its owner.
struct OwnedToken {
  std::string owner, token;
};

/// The server's tokens, and the sessions of browsers that have signed in with one. Sessions use a cookie: a
/// browser adds nothing else to requests for images and events. Use it from one thread. Sessions end with the
/// process.
class Sessions {
  using Clock = std::chrono::steady_clock;

 public:
  /// `cookie` is the cookie's name. It differs between the servers of a machine, because cookies ignore
  /// ports.
  Sessions(std::vector<OwnedToken> tokens, std::string cookie)
      : tokens_(std::move(tokens)), cookie_(std::move(cookie)) {}

  /// The owner of a token; empty if it is unknown. Takes the same time for all texts of one length.
  std::string owner_of_token(std::string_view token) const;
  /// Whether the tokens belong to more than one owner.
  bool has_several_owners() const;
  /// Whether the client at this address may try a token now; not after ten wrong ones within a minute.
  bool may_try(std::string_view client);
  void count_wrong_token(std::string_view client);
  /// Begins a session of an owner. Returns the value of the header Set-Cookie. If there are too many
  /// sessions, the oldest one ends.
  std::string begin(const std::string& owner, const std::string& path, bool is_secure);
  /// The owner of the session in the header Cookie; empty if no session is known.
  std::string owner_of_session(std::string_view cookies) const;
  /// Ends the session in the header Cookie. Returns the value of the header Set-Cookie that removes the
  /// cookie.
  std::string end(std::string_view cookies, const std::string& path);

 private:
  std::string_view session_of(std::string_view cookies) const;

  struct Session {
    std::string secret, owner;
  };
  std::vector<OwnedToken> tokens_;
  std::string cookie_;
  std::deque<Session> sessions_;
  std::deque<std::pair<Clock::time_point, std::string>> wrong_;  // times and clients of the last wrong tokens
};

/// Whether two texts are the same, in a time that depends on the length of `given` only.
bool is_same_secret(std::string_view given, std::string_view expected);

/// Reads tokens, one per line. A line may begin with the owner's name and a blank; lines with # are comments.
/// An owner without a name is called "token-" and the beginning of the token's hash. Throws a failure with
/// the line's number if a token has fewer than 32 characters, and if there is no token.
std::vector<OwnedToken> read_tokens(const std::string& text, const std::string& name);

}  // namespace forgedit
