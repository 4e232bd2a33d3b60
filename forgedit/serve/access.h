#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// Who may ask the server for anything. A page in the user's browser must not reach it from another place:
/// not from another port of this machine, nor by a name that was bent to this address (DNS rebinding).
struct AccessRules {
  std::vector<std::string> hosts;    ///< what the header Host may be, lower case, with the port
  std::vector<std::string> origins;  ///< what the header Origin may be, exactly
  std::string token;                 ///< what "Authorization: Bearer" must have; empty: none is needed
};

/// The rules of a server at `address`:`port`: its own address and, on loopback, the names of that; and
/// `names` besides.
AccessRules access_rules(const std::string& address, std::uint16_t port,
                         const std::vector<std::string>& names, const std::string& token);

/// What the rules look at. A header that is not there is empty; one that is there twice is what it is not
/// allowed to be.
struct AccessRequest {
  std::string_view method, path, host, origin, fetch_site, fetch_mode, authorization;
};

enum class Access { allowed, forbidden_host, forbidden_origin, unauthorized };

/// Which rule a request breaks, in the order of Access. Health checks and the page itself need no token.
Access check_access(const AccessRules& rules, const AccessRequest& request);

/// Whether two texts are the same, in a time that depends on the length of `given` only.
bool is_same_secret(std::string_view given, std::string_view expected);

/// Whether an address is reachable from this machine only.
bool is_loopback(std::string_view address);

}  // namespace forgedit
