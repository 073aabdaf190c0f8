// What all services and calls of one client server share.
#ifndef KILN_NETWORK_SERVICE_STATE_H_
#define KILN_NETWORK_SERVICE_STATE_H_

#include <atomic>
#include <cstddef>

#include "absl/time/time.h"
#include "kiln/genesis.h"
#include "network/call_tracker.h"
#include "network/client_service.h"

namespace kiln::network {

inline constexpr size_t kUnaryCallsMax = 4096;  // Submit and Query that wait for an answer
inline constexpr size_t kSubmitStreamsMax = 256;
inline constexpr size_t kBlockStreamsMax = 64;
inline constexpr uint32_t kStreamTransactionsMax =
    65536;  // of one stream, accepted and not answered
inline constexpr size_t kUnreadBytesMax = 256
                                          << 20;  // results that clients have not read, all streams
inline constexpr size_t kUnreadBytesPerStreamMax = 64 << 20;
inline constexpr size_t kQueryBytesMax = 64 << 10;
// Replies above this go into a message of their own; a message is at most this and one more reply.
inline constexpr size_t kResultsBytesTarget = 256 << 10;

// Shared by the server and its calls, whose last callbacks may come when the server is gone.
// Thread-safe.
struct ServiceState {
  ServiceState(ClientHandler* client_handler, const ClientServerOptions& options)
      : handler(client_handler),
        limits(options.limits),
        submit_timeout_max(options.submit_timeout_max) {}

  ClientHandler* const handler;
  const ChainLimits limits;
  const absl::Duration submit_timeout_max;
  CallTracker unary_calls{"calls in progress", kUnaryCallsMax};
  CallTracker submit_streams{"submit streams", kSubmitStreamsMax};
  CallTracker block_streams{"block streams", kBlockStreamsMax};
  std::atomic<size_t> unread_bytes = 0;
};

// The largest message that an honest client sends: a batch, which is laid out as a payload.
inline size_t ClientMessageBytesMax(const ChainLimits& limits) {
  return limits.block_bytes_max + (64 << 10);
}
// The largest message that an honest validator answers with: a block and its proofs.
inline size_t ServerMessageBytesMax(const ChainLimits& limits) {
  return limits.block_bytes_max + (2 << 20);
}

}  // namespace kiln::network

#endif  // KILN_NETWORK_SERVICE_STATE_H_
