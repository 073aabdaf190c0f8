#include "node/address.h"

#include <gtest/gtest.h>

namespace kiln::node {
namespace {

TEST(HostPort, ReadsNamesAndAddresses) {
  EXPECT_EQ(ParseHostPort("127.0.0.1:26600")->host, "127.0.0.1");
  EXPECT_EQ(ParseHostPort("127.0.0.1:26600")->port, 26600);
  EXPECT_EQ(ParseHostPort("validator-1.example.org:0")->port, 0);
  EXPECT_EQ(ParseHostPort("[::1]:65535")->host, "::1");
  EXPECT_EQ(ParseHostPort("[::1]:65535")->ToString(), "[::1]:65535");
  EXPECT_EQ(ParseHostPort("localhost:1")->ToString(), "localhost:1");
}

TEST(HostPort, RefusesWhatIsNotHostPort) {
  for (const char* text : {"", ":", ":1", "localhost", "a b:1", "::1:5", "[::1]", "[localhost]:1",
                           "host/path:1", "[]:1"}) {
    EXPECT_FALSE(ParseHostPort(text).ok()) << text;
  }
  EXPECT_EQ(ParseHostPort("localhost").status().message(), "\"localhost\" is not host:port");
}

TEST(HostPort, RefusesPortsOutOfRange) {
  for (const char* text :
       {"a:", "a:65536", "a:-1", "a:+1", "a: 1", "a:1x", "a:000001", "a:99999"}) {
    EXPECT_FALSE(ParseHostPort(text).ok()) << text;
  }
  EXPECT_EQ(ParseHostPort("a:65536").status().message(),
            "\"a:65536\" does not end in a port from 0 to 65535");
}

TEST(HostPort, EscapesHostileTextInErrors) {
  EXPECT_EQ(ParseHostPort("a\nb").status().message(), "\"a\\nb\" is not host:port");
}

TEST(HostPort, KnowsLoopbackAndWildcards) {
  EXPECT_TRUE(IsLoopback({"127.8.9.1", 1}));
  EXPECT_TRUE(IsLoopback({"::1", 1}));
  EXPECT_TRUE(IsLoopback({"LocalHost", 1}));
  EXPECT_FALSE(IsLoopback({"128.0.0.1", 1}));
  EXPECT_FALSE(IsLoopback({"localhost.example.org", 1}));
  EXPECT_FALSE(IsLoopback({"127.0.0.1.example.org", 1}));
  EXPECT_TRUE(IsWildcard({"0.0.0.0", 1}));
  EXPECT_TRUE(IsWildcard({"::", 1}));
  EXPECT_FALSE(IsWildcard({"10.0.0.0", 1}));
}

}  // namespace
}  // namespace kiln::node
