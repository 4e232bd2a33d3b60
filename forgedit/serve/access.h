#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "forgedit/serve/sessions.h"

namespace forgedit {

/// Who may use the server, besides its own address.
struct AccessOptions {
  /// Other names that clients use for it, with the server's port unless they have one.
  std::vector<std::string> host_names;
  /// Pages of these origins may use it too, with a token if one is needed.
  std::vector<std::string> page_origins;
  bool behind_proxy = false;           ///< `host_names` are a proxy's, with its ports and https
  std::shared_ptr<Sessions> sessions;  ///< null: nobody needs a token
};

/// The rules of access. Pages of other origins in the user's browser must not reach the server: neither from
/// another port of this machine, nor by a name that was redirected to this address (DNS rebinding).
struct AccessRules {
  std::vector<std::string> hosts;         ///< what the header Host may be, lower case, with the port
  std::vector<std::string> origins;       ///< what the header Origin may be, exactly: the server's own page
  std::vector<std::string> page_origins;  ///< and that of other pages
  std::shared_ptr<Sessions> sessions;
};

/// The rules of a server at `address`:`port`: its own address and, on loopback, the names of that; and what
/// the options say.
AccessRules access_rules(const std::string& address, std::uint16_t port, const AccessOptions& options);

/// What the rules look at. A header that is not there is empty; one that is there twice is what it is not
/// allowed to be.
struct AccessRequest {
  std::string_view method, path, host, origin, fetch_site, fetch_mode, authorization, cookie, mark;
};

enum class Access { allowed, forbidden_host, forbidden_origin, unauthorized, unmarked };

/// Which rule a request breaks, in the order of Access. Health checks, the page itself and signing in need no
/// token. With a cookie, what changes anything needs the header X-Forgedit ("mark"), which no form can send.
Access check_access(const AccessRules& rules, const AccessRequest& request);

/// The owner of an allowed request's token or session; empty if no token is needed.
std::string owner_of(const AccessRules& rules, const AccessRequest& request);

/// Whether a page of this origin is not the server's own, and may ask.
bool is_page_origin(const AccessRules& rules, std::string_view origin);

/// Whether an address is reachable from this machine only.
bool is_loopback(std::string_view address);

}  // namespace forgedit
