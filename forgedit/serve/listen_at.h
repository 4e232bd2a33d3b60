#pragma once

#include <cstdint>
#include <string>

namespace forgedit {

/// A socket, the caller's to close, that listens at `port` of an IP address, or at one of the `more_ports`
/// after it where that is taken. Throws a failure of the field "port" where all are, of "host" where there is
/// no such address here.
int listen_at(const std::string& address, std::uint16_t port, std::uint16_t more_ports);

}  // namespace forgedit
