#include "tools/load.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "base/status_macros.h"
#include "tools/chain_target.h"
#include "tools/closed_loop.h"
#include "tools/load_recorder.h"
#include "tools/open_loop.h"

namespace kiln::tools {
namespace {

struct Stream {
  std::unique_ptr<Client> client;
  LoadRecorder recorder;
};

// One stream through each validator; fewer when there is less to send at a time.
size_t StreamCount(const LoadOptions& options) {
  const size_t validators = options.chain.endpoints.size();
  return options.rate > 0 ? validators : std::clamp<size_t>(options.in_flight, 1, validators);
}

// What stream `index` may have under way, so that the sum over all is the whole.
size_t InFlightOf(const LoadOptions& options, size_t index, size_t streams) {
  const size_t in_flight = std::max<size_t>(1, options.in_flight);
  return in_flight / streams + (index < in_flight % streams ? 1 : 0);
}

void RunStream(const LoadOptions& options, const LoadPayload& payload, const LoadClock& clock,
               size_t index, size_t streams, Stream* stream) {
  if (options.rate > 0) {
    OpenLoop loop(stream->client.get(), &payload, &clock, &stream->recorder,
                  Schedule{index, streams, options.rate});
    loop.Run(options.duration);
  } else {
    ClosedLoop loop(stream->client.get(), &payload, &clock, &stream->recorder,
                    StreamShare{index, streams, InFlightOf(options, index, streams)});
    loop.Run(options.duration);
  }
}

}  // namespace

absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options, const LoadPayload& payload) {
  std::vector<std::unique_ptr<Stream>> streams;
  for (size_t i = 0; i < StreamCount(options); ++i) {
    streams.push_back(std::make_unique<Stream>());
    KILN_ASSIGN_OR_RETURN(streams.back()->client, Client::Connect(StartingAt(options.chain, i)));
  }
  const LoadClock clock;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < streams.size(); ++i) {
    threads.emplace_back(
        [&options, &payload, &clock, i, count = streams.size(), stream = streams[i].get()] {
          RunStream(options, payload, clock, i, count, stream);
        });
  }
  for (std::thread& thread : threads) thread.join();
  LoadResult result;
  for (const std::unique_ptr<Stream>& stream : streams) stream->recorder.MoveTo(&result);
  return result;
}

}  // namespace kiln::tools
