#include "tests/soak/register_log.h"

#include <string>

#include "gtest/gtest.h"

namespace kiln::soak {
namespace {

using linearizability::kAbsent;
using linearizability::kNever;
using linearizability::Operation;
using linearizability::RegisterHistory;

constexpr CallTime kTime = {.called_us = 10, .returned_us = 20};

Answer AnswerOf(const std::string& value) {
  return {.height = 1, .value = value};
}

Receipt ReceiptOf(const Reply& reply) {
  Receipt receipt;
  receipt.reply = reply;
  return receipt;
}

RegisterWrite WriteOf(uint64_t value) {
  RegisterWrite write = {.reg = 0, .value = value};
  write.id.bytes[0] = static_cast<uint8_t>(value);
  return write;
}

TEST(RegisterLog, KeepsReadsWithWhatTheySawAndWhen) {
  RegisterLog log(2);
  log.TakeRead(1, kTime, AnswerOf("7"));
  EXPECT_TRUE(log.histories().at(0).empty());
  const RegisterHistory history = log.histories().at(1);
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(Describe(history[0]),
            linearizability::Describe(Operation{
                .kind = Operation::Kind::kRead, .value = 7, .called_us = 10, .returned_us = 20}));
  EXPECT_EQ(log.counts().reads, 1U);
}

TEST(RegisterLog, ARegisterThatIsNotFoundIsOneThatNobodyHasWritten) {
  RegisterLog log(1);
  log.TakeRead(0, kTime, absl::NotFoundError("no such key"));
  EXPECT_EQ(log.histories().at(0).at(0).value, kAbsent);
  EXPECT_TRUE(log.unexpected().empty());
}

TEST(RegisterLog, LeavesOutReadsWithoutAnAnswer) {
  RegisterLog log(1);
  log.TakeRead(0, kTime, absl::DeadlineExceededError("silent"));
  EXPECT_TRUE(log.histories().at(0).empty());
  EXPECT_EQ(log.counts().unanswered_reads, 1U);
  EXPECT_EQ(log.counts().answered(), 0U);
  EXPECT_TRUE(log.unexpected().empty());
}

TEST(RegisterLog, AnAcknowledgedWriteReturns) {
  RegisterLog log(1);
  log.TakeWrite(WriteOf(5), kTime, ReceiptOf(Reply::Ok()));
  EXPECT_EQ(log.histories().at(0).at(0).returned_us, 20U);
  EXPECT_EQ(log.acknowledged_ids(), std::vector<Hash>{WriteOf(5).id});
  EXPECT_EQ(log.counts().writes, 1U);
}

TEST(RegisterLog, AWriteWithoutAnAnswerNeverReturns) {
  RegisterLog log(1);
  log.TakeWrite(WriteOf(5), kTime, absl::UnavailableError("gone"));
  const Operation write = log.histories().at(0).at(0);
  EXPECT_EQ(write.called_us, 10U);
  EXPECT_EQ(write.returned_us, kNever);
  EXPECT_TRUE(log.acknowledged_ids().empty());
  EXPECT_EQ(log.counts().unknown_writes, 1U);
  EXPECT_TRUE(log.unexpected().empty());
}

TEST(RegisterLog, ARefusalIsUnexpected) {
  RegisterLog log(1);
  log.TakeWrite(WriteOf(5), kTime, ReceiptOf(Reply::Refused("no")));
  log.TakeRead(0, kTime, absl::PermissionDeniedError("no"));
  EXPECT_EQ(log.unexpected().size(), 2U);
  EXPECT_TRUE(log.acknowledged_ids().empty());
}

TEST(RegisterLog, ContentsThatNobodyWroteAreUnexpected) {
  RegisterLog log(1);
  log.TakeRead(0, kTime, AnswerOf("not a number"));
  EXPECT_EQ(log.unexpected().size(), 1U);
  EXPECT_EQ(log.counts().reads, 0U);
}

TEST(RegisterLog, GivesOutEachValueOnceAndNeverTheAbsentOne) {
  RegisterLog log(1);
  EXPECT_NE(log.NextValue(), kAbsent);
  EXPECT_NE(log.NextValue(), log.NextValue());
}

}  // namespace
}  // namespace kiln::soak
