#include "tests/soak/register_log.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/load.h"

namespace kiln::soak {

using linearizability::Operation;

uint64_t RegisterLog::NextValue() {
  absl::MutexLock lock(&mutex_);
  return ++last_value_;
}

void RegisterLog::TakeRead(size_t reg, const CallTime& time, const absl::StatusOr<Answer>& answer) {
  Operation read = {
      .kind = Operation::Kind::kRead, .called_us = time.called_us, .returned_us = time.returned_us};
  absl::MutexLock lock(&mutex_);
  if (!answer.ok() && !absl::IsNotFound(answer.status())) {
    ++counts_.unanswered_reads;
    return TakeError(answer.status());
  }
  if (answer.ok() && !absl::SimpleAtoi(answer->value, &read.value)) {
    unexpected_.push_back(absl::DataLossError(absl::StrCat("a register holds ", answer->value)));
    return;
  }
  ++counts_.reads;
  histories_.at(reg).push_back(read);
}

void RegisterLog::TakeWrite(const RegisterWrite& write, const CallTime& time,
                            const absl::StatusOr<Receipt>& receipt) {
  Operation operation = {
      .kind = Operation::Kind::kWrite, .value = write.value, .called_us = time.called_us};
  absl::MutexLock lock(&mutex_);
  if (receipt.ok() && receipt->reply.ok()) {
    operation.returned_us = time.returned_us;
    acknowledged_.push_back(write.id);
    ++counts_.writes;
  } else {
    ++counts_.unknown_writes;
    TakeError(receipt.ok() ? absl::InternalError(receipt->reply.bytes) : receipt.status());
  }
  histories_.at(write.reg).push_back(operation);
}

void RegisterLog::TakeError(const absl::Status& error) {
  if (!integration::IsOutcomeUnknown(error)) unexpected_.push_back(error);
}

RegisterLog::Counts RegisterLog::counts() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

std::vector<linearizability::RegisterHistory> RegisterLog::histories() const {
  absl::MutexLock lock(&mutex_);
  return histories_;
}

std::vector<Hash> RegisterLog::acknowledged_ids() const {
  absl::MutexLock lock(&mutex_);
  return acknowledged_;
}

std::vector<absl::Status> RegisterLog::unexpected() const {
  absl::MutexLock lock(&mutex_);
  return unexpected_;
}

}  // namespace kiln::soak
