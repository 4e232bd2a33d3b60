#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "forgedit/serve/sessions.h"

namespace forgedit {

/// Which clients may use the server, besides those that use its own address.
struct AccessOptions {
  /// Other host names of the server. The server's port is added to names without a port.
  std::vector<std::string> host_names;
  /// Pages of these origins may send requests too. They need a token if the server requires one.
  std::vector<std::string> page_origins;
  bool behind_proxy = false;           ///< `host_names` belong to a proxy, with its own ports and https
  std::shared_ptr<Sessions> sessions;  ///< null: nobody needs a token
};

/// The access rules. A page of another origin in the user's browser must not reach the server: neither from
/// another port of this machine, nor by a host name that was made to resolve to this address (DNS rebinding).
struct AccessRules {
  std::vector<std::string> hosts;         ///< allowed values of the header Host, in lower case, with the port
  std::vector<std::string> origins;       ///< allowed values of the header Origin for the server's own page
  std::vector<std::string> page_origins;  ///< allowed values of the header Origin for other pages
  std::shared_ptr<Sessions> sessions;
};

/// The access rules of a server at `address`:`port`. They allow its own address, all loopback names if that
/// is a loopback address, and what the options add.
AccessRules access_rules(const std::string& address, std::uint16_t port, const AccessOptions& options);

/// The parts of a request that the rules check. A missing header is empty. A repeated header gets a value
/// that no rule allows.
struct AccessRequest {
  std::string_view method, path, host, origin, fetch_site, fetch_mode, authorization, cookie, mark;
};

enum class Access { allowed, forbidden_host, forbidden_origin, unauthorized, unmarked };

/// Returns the first rule that a request breaks, in the order of Access. Health checks, the page itself and
/// signing in need no token. A request that changes something with a session cookie needs the header
/// X-Forgedit: 1 (`mark`), which no form can send.
Access check_access(const AccessRules& rules, const AccessRequest& request);

/// The owner of an allowed request's token or session; empty if no token is needed.
std::string owner_of(const AccessRules& rules, const AccessRequest& request);

/// Whether `origin` belongs to another page that may use the server (AccessOptions::page_origins).
bool is_page_origin(const AccessRules& rules, std::string_view origin);

/// Whether an address is reachable from this machine only.
bool is_loopback(std::string_view address);

}  // namespace forgedit
