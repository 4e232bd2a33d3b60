#pragma once

#include <cstdint>
#include <string>
#include <utility>

// After <utility>, which Asio 1.74 needs and does not include.
#include <boost/asio/ip/tcp.hpp>

namespace forgedit {

/// Listens at `port` of an IP address, or at one of the `more_ports` after it where that is taken. Throws a
/// failure of the field "port" where all are, of "host" where there is no such address here.
void listen_at(boost::asio::ip::tcp::acceptor& acceptor, const std::string& address, std::uint16_t port,
               std::uint16_t more_ports);

}  // namespace forgedit
