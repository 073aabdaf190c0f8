#include "network/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string>

namespace kiln::network {
namespace {

constexpr uint32_t kLoopbackNetwork = 127;  // first byte of an address

}  // namespace

bool IsLoopbackAddress(absl::string_view host_and_port) {
  const size_t colon = host_and_port.rfind(':');
  if (colon == absl::string_view::npos) return false;
  const std::string host(host_and_port.substr(0, colon));
  if (host == "localhost" || host == "[::1]") return true;
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) != 1) return false;
  return ntohl(address.s_addr) >> 24 == kLoopbackNetwork;
}

}  // namespace kiln::network
