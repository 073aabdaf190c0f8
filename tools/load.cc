#include "tools/load.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "tools/chain_target.h"
#include "tools/closed_loop.h"
#include "tools/interrupt.h"
#include "tools/load_recorder.h"
#include "tools/open_loop.h"

namespace kiln::tools {
namespace {

// Of one validator: above, one stream alone is held back by its own limit before the validator's
// pool is full. Below, a second one would only cost both sides its messages.
constexpr double kOneStreamRateMax = 20'000;

struct Stream {
  std::unique_ptr<Client> client;  // of a closed loop
  std::unique_ptr<OpenLoop> open;
  LoadRecorder recorder;
};

// One stream through each validator; fewer when there is less to send at a time, two when much is
// due.
size_t StreamCount(const LoadOptions& options) {
  const size_t validators = options.chain.endpoints.size();
  if (options.rate == 0) return std::clamp<size_t>(options.in_flight, 1, validators);
  const double rate_of_one = options.rate / static_cast<double>(validators);
  return rate_of_one > kOneStreamRateMax ? 2 * validators : validators;
}

// What stream `index` may have under way, so that the sum over all is the whole.
size_t InFlightOf(const LoadOptions& options, size_t index, size_t streams) {
  const size_t in_flight = std::max<size_t>(1, options.in_flight);
  return in_flight / streams + (index < in_flight % streams ? 1 : 0);
}

void RunStream(const LoadOptions& options, const LoadPayload& payload, const LoadClock& clock,
               size_t index, size_t streams, Stream* stream) {
  if (stream->open != nullptr) return stream->open->Run(options.duration);
  ClosedLoop loop(stream->client.get(), &payload, &clock, &stream->recorder,
                  StreamShare{index, streams, InFlightOf(options, index, streams)});
  loop.Run(options.duration);
}

constexpr absl::Duration kInterruptSeenWithin = absl::Milliseconds(20);

void CallAtMoments(const LoadOptions& options, const LoadClock& clock) {
  for (const LoadOptions::Moment& moment : options.moments) {
    const uint64_t due_us =
        static_cast<uint64_t>(absl::ToDoubleMicroseconds(options.duration) * moment.share);
    for (uint64_t now_us = clock.Read(); now_us < due_us; now_us = clock.Read()) {
      if (Interrupted()) return;
      absl::SleepFor(std::min(kInterruptSeenWithin,
                              absl::Microseconds(static_cast<int64_t>(due_us - now_us))));
    }
    moment.call();
  }
}

}  // namespace

absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options, const LoadPayload& payload) {
  std::vector<std::unique_ptr<Stream>> streams;
  const size_t count = StreamCount(options);
  LoadClock clock;
  for (size_t i = 0; i < count; ++i) {
    streams.push_back(std::make_unique<Stream>());
    Stream& stream = *streams.back();
    const size_t validator = i % options.chain.endpoints.size();
    if (options.rate > 0) {
      KILN_ASSIGN_OR_RETURN(stream.open,
                            OpenLoop::Connect(OnlyAt(options.chain, validator), &payload, &clock,
                                              &stream.recorder, {i, count, options.rate}));
    } else {
      KILN_ASSIGN_OR_RETURN(stream.client, Client::Connect(StartingAt(options.chain, validator)));
    }
  }
  clock = LoadClock();  // now that all are connected
  std::vector<std::thread> threads;
  for (size_t i = 0; i < streams.size(); ++i) {
    threads.emplace_back([&options, &payload, &clock, i, count, stream = streams[i].get()] {
      RunStream(options, payload, clock, i, count, stream);
    });
  }
  CallAtMoments(options, clock);
  for (std::thread& thread : threads) thread.join();
  LoadResult result;
  for (const std::unique_ptr<Stream>& stream : streams) stream->recorder.MoveTo(&result);
  return result;
}

}  // namespace kiln::tools
