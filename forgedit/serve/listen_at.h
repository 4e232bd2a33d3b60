#pragma once

#include <cstdint>
#include <string>

namespace forgedit {

/// Returns a socket that listens at `port` of an IP address, or at the first free one of the `more_ports`
/// after it. The caller closes it. Throws a failure with the field "port" if all are in use, or "host" if the
/// address is not one of this machine.
int listen_at(const std::string& address, std::uint16_t port, std::uint16_t more_ports);

}  // namespace forgedit
