#include "node/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace kiln::node {
namespace {

constexpr size_t kHostBytesMax = 253;  // the longest DNS name

bool IsIpv6(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool IsHostName(absl::string_view host) {
  return !host.empty() && host.size() <= kHostBytesMax &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' ||
                  c == '_';
         });
}

absl::Status NotHostPort(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", absl::Utf8SafeCEscape(text.substr(0, 300)), "\" is not host:port"));
}

}  // namespace

std::string HostPort::ToString() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return NotHostPort(text);
  absl::string_view host = text.substr(0, colon);
  const absl::string_view digits = text.substr(colon + 1);
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  HostPort address{.host = std::string(host), .port = 0};
  if (is_bracketed ? !IsIpv6(address.host) : !IsHostName(host)) return NotHostPort(text);

  uint32_t port = 0;
  const bool is_number = !digits.empty() && digits.size() <= 5 &&
                         std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) &&
                         absl::SimpleAtoi(digits, &port);
  if (!is_number || port > UINT16_MAX) {
    return absl::InvalidArgumentError(absl::StrCat("\"", absl::Utf8SafeCEscape(text.substr(0, 300)),
                                                   "\" does not end in a port from 0 to 65535"));
  }
  address.port = static_cast<uint16_t>(port);
  return address;
}

bool IsLoopback(const HostPort& address) {
  in_addr ipv4;
  if (inet_pton(AF_INET, address.host.c_str(), &ipv4) == 1) return ntohl(ipv4.s_addr) >> 24 == 127;
  in6_addr ipv6;
  if (inet_pton(AF_INET6, address.host.c_str(), &ipv6) == 1)
    return IN6_IS_ADDR_LOOPBACK(&ipv6) != 0;
  return absl::AsciiStrToLower(address.host) == "localhost";
}

bool IsWildcard(const HostPort& address) {
  in_addr ipv4;
  if (inet_pton(AF_INET, address.host.c_str(), &ipv4) == 1) return ipv4.s_addr == INADDR_ANY;
  in6_addr ipv6;
  return inet_pton(AF_INET6, address.host.c_str(), &ipv6) == 1 &&
         IN6_IS_ADDR_UNSPECIFIED(&ipv6) != 0;
}

}  // namespace kiln::node
