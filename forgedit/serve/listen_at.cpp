#include "forgedit/serve/listen_at.h"

#include <algorithm>
#include <utility>

// After <utility>, which Asio 1.74 needs and does not include.
#include <boost/asio.hpp>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

using boost::asio::ip::tcp;

boost::system::error_code bind_to(tcp::acceptor& acceptor, const tcp::endpoint& place) {
  boost::system::error_code error;
  acceptor.close(error);
  acceptor.open(place.protocol());
  acceptor.set_option(boost::asio::socket_base::reuse_address(true));
  acceptor.bind(place, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  return error;
}

}  // namespace

int listen_at(const std::string& host, std::uint16_t first, std::uint16_t more_ports) {
  boost::asio::io_context io;
  tcp::acceptor acceptor(io);
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error) throw usage_error("host", "expected an IP address, got '" + host + "'");
  const int last = std::min(first + more_ports, int{UINT16_MAX});
  for (int port = first; port <= last; ++port) {
    error = bind_to(acceptor, {address, static_cast<std::uint16_t>(port)});
    if (error != boost::asio::error::address_in_use) break;
  }
  const auto place = std::to_string(first) + " of " + host;
  if (error == boost::asio::error::address_in_use) {
    throw failure("port", place + " is in use by another program");
  }
  if (error == boost::asio::error::access_denied)
    throw failure("port", place + ": no permission to listen there");
  if (error) throw failure("host", host + ": " + error.message());
  return acceptor.release();
}

}  // namespace forgedit
