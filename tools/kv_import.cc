#include "tools/kv_import.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "tools/chain_target.h"
#include "tools/describe_transaction.h"
#include "tools/kv_application.h"
#include "tools/progress.h"

namespace kiln::tools {
namespace {

constexpr size_t kRecordsPerCall = 16384;  // bounds what is encoded at a time

// Counts outcomes. Thread-safe.
class Tally {
 public:
  void Count(const absl::StatusOr<Receipt>& receipt) {
    const absl::MutexLock lock(&mutex_);
    if (!receipt.ok()) {
      CountError(std::string(receipt.status().message()));
    } else if (!receipt->reply.ok()) {
      CountError(DescribeReply(receipt->reply));
    } else {
      CountCommitted(receipt->height);
    }
  }

  ImportSummary summary() const {
    const absl::MutexLock lock(&mutex_);
    return summary_;
  }

 private:
  void CountError(std::string message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ++summary_.errors;
    if (summary_.first_error.empty()) summary_.first_error = std::move(message);
  }

  void CountCommitted(uint64_t height) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const bool is_first = ++summary_.committed == 1;
    summary_.first_height = is_first ? height : std::min(summary_.first_height, height);
    summary_.last_height = std::max(summary_.last_height, height);
  }

  mutable absl::Mutex mutex_;
  ImportSummary summary_ ABSL_GUARDED_BY(mutex_);
};

// Every `stride`-th record from `first` on goes through one client.
struct Share {
  size_t first = 0;
  size_t stride = 1;
  size_t in_flight_max = 1;
};

class Importer {
 public:
  Importer(const ImportRequest& request, const std::vector<Record>& records)
      : request_(request),
        records_(records),
        key_prefix_(FreshKey()),
        progress_("importing", records.size(), request.is_terminal) {}

  absl::Status Run() {
    const size_t streams = StreamCount();
    std::vector<std::unique_ptr<Client>> clients;
    for (size_t i = 0; i < streams; ++i) {
      KILN_ASSIGN_OR_RETURN(std::unique_ptr<Client> client,
                            Client::Connect(StartingAt(request_.chain, i)));
      clients.push_back(std::move(client));
    }
    const Share share = {0, streams, std::max<size_t>(1, request_.in_flight_max / streams)};
    std::vector<std::thread> threads;
    for (size_t i = 0; i < streams; ++i) {
      threads.emplace_back(
          [this, &client = *clients[i], mine = Share{i, share.stride, share.in_flight_max}] {
            SubmitShare(client, mine);
          });
    }
    for (std::thread& thread : threads) thread.join();
    return absl::OkStatus();
  }

  ImportSummary summary() const { return tally_.summary(); }

 private:
  size_t StreamCount() const {
    if (!request_.spread) return 1;
    return std::clamp<size_t>(std::min(request_.in_flight_max, records_.size()), 1,
                              request_.chain.endpoints.size());
  }

  void SubmitShare(Client& client, const Share& share) {
    for (size_t next = share.first; next < records_.size();) {
      std::vector<Transaction> transactions;
      for (; next < records_.size() && transactions.size() < kRecordsPerCall;
           next += share.stride) {
        const Record& record = records_[next];
        transactions.push_back(
            {EncodeKvPut(record.key, record.value), absl::StrCat(key_prefix_, "/", next)});
      }
      const size_t count = transactions.size();
      size_t answered = 0;
      const absl::Status status =
          client.SubmitMany(std::move(transactions), share.in_flight_max, request_.timeout,
                            [this, &answered](size_t, absl::StatusOr<Receipt> receipt) {
                              tally_.Count(receipt);
                              progress_.Advance();
                              ++answered;
                            });
      // A call that fails as a whole leaves the rest of its transactions without an answer.
      for (; answered < count; ++answered) {
        tally_.Count(status.ok() ? absl::InternalError("no answer") : status);
      }
    }
  }

  const ImportRequest& request_;
  const std::vector<Record>& records_;
  // Importing one file twice writes its values twice; a record sent again within one import does
  // not.
  const std::string key_prefix_;
  Progress progress_;
  Tally tally_;
};

}  // namespace

absl::StatusOr<ImportSummary> ImportRecords(const ImportRequest& request,
                                            const std::vector<Record>& records) {
  const uint64_t start_us = SystemClock()->Read().monotonic_us;
  Importer importer(request, records);
  KILN_RETURN_IF_ERROR(importer.Run());
  ImportSummary summary = importer.summary();
  summary.seconds = static_cast<double>(SystemClock()->Read().monotonic_us - start_us) / 1e6;
  return summary;
}

}  // namespace kiln::tools
