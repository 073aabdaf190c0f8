// A client server on a port of its own in front of a FakeChain, and stubs that talk to it.
#ifndef KILN_TESTS_NETWORK_CLIENT_TEST_SERVER_H_
#define KILN_TESTS_NETWORK_CLIENT_TEST_SERVER_H_

#include <grpcpp/create_channel.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "kiln/v1/client.grpc.pb.h"
#include "network/client_service.h"
#include "network/tls_identity.h"
#include "tests/network/fake_chain.h"

namespace kiln::network {

struct TestServerOptions {
  uint32_t validator = 0;  // whose node key the server has
  std::string listen_address = "127.0.0.1:0";
  bool tls = true;
  std::string admin_socket;
  const Genesis* genesis = nullptr;  // whose chain the TLS identity is of; default: the handler's
  absl::Duration submit_timeout_max = absl::Seconds(60);
};

// The chain outlives the server.
class ClientTestServer {
 public:
  explicit ClientTestServer(FakeChain* chain, const TestServerOptions& options = {})
      : node_key_(consensus::TestKey(options.validator, 'n')),
        genesis_(options.genesis != nullptr ? *options.genesis : chain->genesis()) {
    absl::StatusOr<std::unique_ptr<ClientServer>> server =
        ClientServer::Start({.listen_address = options.listen_address,
                             .tls = options.tls,
                             .node_key = &node_key_,
                             .chain_id = genesis_.ChainId(),
                             .limits = genesis_.limits,
                             .admin_socket = options.admin_socket,
                             .submit_timeout_max = options.submit_timeout_max},
                            chain);
    KILN_CHECK_OK(server.status());
    server_ = *std::move(server);
  }

  ClientServer& server() { return *server_; }
  std::string address() const { return server_->listen_address(); }
  int port() const { return std::stoi(address().substr(address().rfind(':') + 1)); }

  std::shared_ptr<grpc::Channel> NewChannel() const {
    std::vector<crypto::PublicKey> keys;
    for (const GenesisValidator& validator : genesis_.validators)
      keys.push_back(validator.node_key);
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(address(), ClientChannelCredentials(keys, genesis_.ChainId()),
                                     arguments);
  }
  std::unique_ptr<v1::Kiln::Stub> NewStub() const { return v1::Kiln::NewStub(NewChannel()); }

 private:
  const crypto::SecretKey node_key_;
  const Genesis genesis_;
  std::unique_ptr<ClientServer> server_;
};

// A call that fails rather than hangs when something is wrong.
inline std::unique_ptr<grpc::ClientContext> NewContext(
    std::chrono::seconds timeout = std::chrono::seconds(60)) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + timeout);
  return context;
}

// A batch of these payloads without keys.
inline std::string BatchOf(const std::vector<std::string>& payloads) {
  return *consensus::PayloadOf(payloads, 0);
}

}  // namespace kiln::network

#endif  // KILN_TESTS_NETWORK_CLIENT_TEST_SERVER_H_
