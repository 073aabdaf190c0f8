#include "consensus/block_fetcher.h"

#include <set>

#include "gtest/gtest.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

constexpr ValidatorIndex kSelf{3};
constexpr uint64_t kRetryUs = 100;
constexpr uint64_t kRetryMaxUs = 400;
constexpr FetchTimeouts kTimeouts = {.min_us = kRetryUs, .max_us = kRetryMaxUs};

Hash FakeId(uint64_t number) {
  Hash id;
  id.bytes[0] = static_cast<uint8_t>(number);
  id.bytes[1] = static_cast<uint8_t>(number >> 8);
  return id;
}

QuorumCertificate FakeQc(uint64_t round, const std::vector<uint32_t>& signers = {0, 1, 2}) {
  QuorumCertificate qc{.epoch = {1}, .round = {round}, .block_id = FakeId(round)};
  qc.signers = SignerBitmap(4);
  for (const uint32_t signer : signers) qc.signers.Add({signer});
  return qc;
}

// Of whom it is known whether they are connected.
const PeerPresence& Nobody() {
  static const PeerPresence kNobody(4, 0);
  return kNobody;
}

TEST(BlockFetcher, AsksOneWhoseStreamIsUpWhileThereIsOne) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  PeerPresence peers(4, 0);
  peers.NoteConnected({1});
  fetcher.Want(FakeQc(9), 0);
  for (uint64_t now_us = 0; now_us < 20 * kRetryMaxUs; now_us = fetcher.deadline_us()) {
    EXPECT_EQ(fetcher.TakeDue({5}, peers, now_us)->from, ValidatorIndex{1});
  }
  peers.NoteConnected({2});
  uint64_t now_us = fetcher.deadline_us();
  EXPECT_EQ(fetcher.TakeDue({5}, peers, now_us)->from, ValidatorIndex{2});
  peers.NoteDisconnected({1}, now_us);
  now_us = fetcher.deadline_us();
  EXPECT_EQ(fetcher.TakeDue({5}, peers, now_us)->from, ValidatorIndex{2});
}

TEST(BlockFetcher, AsksASignerForWhatIsAboveTheCommittedBlock) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  fetcher.Want(FakeQc(9), 0);
  const auto fetch = fetcher.TakeDue({5}, Nobody(), 0);
  ASSERT_TRUE(fetch.has_value());
  EXPECT_EQ(fetch->request, (BlockRequest{FakeId(9), {5}, kBlocksPerAnswerMax}));
  EXPECT_LE(fetch->from.value, 2u);
}

TEST(BlockFetcher, NeverAsksItself) {
  BlockFetcher fetcher({1}, kTimeouts);
  fetcher.Want(FakeQc(9, {0, 1, 2}), 0);
  for (int request = 0; request < 10; ++request) {
    const auto fetch = fetcher.TakeDue({5}, Nobody(), request == 0 ? 0 : fetcher.deadline_us());
    ASSERT_TRUE(fetch.has_value());
    EXPECT_NE(fetch->from, ValidatorIndex{1});
  }
  fetcher.Forget(FakeId(9));
  fetcher.Want(FakeQc(10, {1}), 0);
  EXPECT_TRUE(fetcher.empty()) << "nobody else has it";
}

TEST(BlockFetcher, AsksEachSignerInTurnUntilTheBlockArrives) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  fetcher.Want(FakeQc(9), 0);
  std::set<ValidatorIndex> asked;
  for (uint64_t turn = 0; turn < 3; ++turn) {
    const auto fetch = fetcher.TakeDue({5}, Nobody(), turn * kRetryUs);
    ASSERT_TRUE(fetch.has_value());
    asked.insert(fetch->from);
    EXPECT_FALSE(fetcher.TakeDue({5}, Nobody(), turn * kRetryUs + kRetryUs - 1).has_value());
    EXPECT_EQ(fetcher.deadline_us(), (turn + 1) * kRetryUs);
  }
  EXPECT_EQ(asked.size(), 3u);
  fetcher.Forget(FakeId(9));
  EXPECT_FALSE(fetcher.TakeDue({5}, Nobody(), 10 * kRetryUs).has_value());
  EXPECT_EQ(fetcher.deadline_us(), UINT64_MAX);
}

TEST(BlockFetcher, HasOneRequestOpenForTheHighestBlock) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  for (const uint64_t round : {7, 9, 8}) fetcher.Want(FakeQc(round), 0);
  EXPECT_EQ(fetcher.TakeDue({5}, Nobody(), 0)->request.block_id, FakeId(9));
  EXPECT_FALSE(fetcher.TakeDue({5}, Nobody(), 1).has_value());
  fetcher.Forget(FakeId(9));
  EXPECT_EQ(fetcher.TakeDue({5}, Nobody(), 2)->request.block_id, FakeId(8));
}

TEST(BlockFetcher, AsksOneThatHelpedForMoreAtOnce) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  fetcher.Want(FakeQc(200), 0);
  const ValidatorIndex helper = fetcher.TakeDue({5}, Nobody(), 0)->from;
  fetcher.NoteAnswer(helper, {69}, 10);
  const auto more = fetcher.TakeDue({5}, Nobody(), 10);
  ASSERT_TRUE(more.has_value());
  EXPECT_EQ(more->from, helper);
  EXPECT_EQ(more->request.above_height, Height{69}) << "its blocks need not be committed yet";
  fetcher.NoteAnswer(helper, {133}, 20);
  EXPECT_EQ(fetcher.TakeDue({140}, Nobody(), 20)->request.above_height, Height{140});
}

TEST(BlockFetcher, TurnsToTheNextAfterAUselessAnswer) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  fetcher.Want(FakeQc(200), 0);
  const ValidatorIndex first = fetcher.TakeDue({5}, Nobody(), 0)->from;
  fetcher.NoteAnswer(first, {69}, 10);
  ASSERT_EQ(fetcher.TakeDue({5}, Nobody(), 10)->from, first);
  fetcher.NoteAnswer(first, {69}, 20);  // the same blocks once more
  const auto next = fetcher.TakeDue({5}, Nobody(), 20 + kRetryUs);
  ASSERT_TRUE(next.has_value());
  EXPECT_NE(next->from, first);
  EXPECT_EQ(next->request.above_height, Height{5}) << "what the first sent may lead nowhere";
}

// A liar answers with blocks of another chain, then falls silent, each time it is asked.
TEST(BlockFetcher, DoesNotAskOneSignerAboveWhatAnotherClaimed) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  fetcher.Want(FakeQc(200), 0);
  const ValidatorIndex liar = fetcher.TakeDue({5}, Nobody(), 0)->from;
  fetcher.NoteAnswer(liar, {69}, 10);
  ASSERT_EQ(fetcher.TakeDue({5}, Nobody(), 10)->from, liar);
  const auto next = fetcher.TakeDue({5}, Nobody(), 10 + kRetryUs);
  ASSERT_TRUE(next.has_value());
  EXPECT_NE(next->from, liar);
  EXPECT_EQ(next->request.above_height, Height{5});
}

TEST(BlockFetcher, UselessAnswersOfAllDoNotMakeItBusy) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  fetcher.Want(FakeQc(200), 0);
  int requests = 0;
  for (uint64_t now_us = 0; now_us < 10 * kRetryUs; ++now_us) {
    const auto fetch = fetcher.TakeDue({5}, Nobody(), now_us);
    if (!fetch.has_value()) continue;
    ++requests;
    fetcher.NoteAnswer(fetch->from, {0}, now_us);
  }
  EXPECT_LE(requests, 3 * 10 + 3) << "one turn through the signers for each retry";
}

// The wait after each of `requests` silent ones, the first of which goes out at `now_us`.
std::vector<uint64_t> SilentWaits(BlockFetcher* fetcher, int requests, uint64_t now_us) {
  std::vector<uint64_t> waits;
  for (int i = 0; i < requests; ++i) {
    EXPECT_TRUE(fetcher->TakeDue({5}, Nobody(), now_us).has_value());
    waits.push_back(fetcher->deadline_us() - now_us);
    now_us = fetcher->deadline_us();
  }
  return waits;
}

TEST(BlockFetcher, AsksMoreSeldomAfterEachTurnOfSilence) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  fetcher.Want(FakeQc(200), 0);
  EXPECT_EQ(SilentWaits(&fetcher, 13, 0),
            (std::vector<uint64_t>{100, 100, 100, 150, 150, 150, 225, 225, 225, 337, 337, 337,
                                   kRetryMaxUs}));
}

// A chain goes on while a slow network keeps the answers back.
TEST(BlockFetcher, AsksMoreSeldomWhenNewBlocksAreWantedMeanwhile) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  uint64_t now_us = 0;
  for (uint64_t round = 200; round < 212; ++round) {
    fetcher.Want(FakeQc(round), now_us);
    now_us += SilentWaits(&fetcher, 1, now_us).front();
  }
  fetcher.Want(FakeQc(212), now_us);
  EXPECT_EQ(SilentWaits(&fetcher, 1, now_us).front(), kRetryMaxUs);
}

TEST(BlockFetcher, WaitsAsShortlyAsEverAfterAnAnswerThatHelped) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  fetcher.Want(FakeQc(200), 0);
  EXPECT_GT(SilentWaits(&fetcher, 7, 0).back(), 2 * kRetryUs);
  const uint64_t now_us = fetcher.deadline_us();
  const auto fetch = fetcher.TakeDue({5}, Nobody(), now_us);
  ASSERT_TRUE(fetch.has_value());
  fetcher.NoteAnswer(fetch->from, {69}, now_us + 10);
  EXPECT_EQ(SilentWaits(&fetcher, 1, now_us + 10).front(), kRetryUs);
}

TEST(BlockFetcher, WaitsAsShortlyAsEverAfterTheBlockArrived) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  fetcher.Want(FakeQc(200), 0);
  SilentWaits(&fetcher, 7, 0);
  fetcher.Forget(FakeId(200));
  fetcher.Want(FakeQc(201), 5000);
  EXPECT_EQ(SilentWaits(&fetcher, 1, 5000).front(), kRetryUs);
}

TEST(BlockFetcher, WaitsAsShortlyAsEverWhenNothingWasWantedMeanwhile) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  fetcher.Want(FakeQc(200), 0);
  SilentWaits(&fetcher, 7, 0);
  fetcher.ForgetUpTo({200});
  fetcher.Want(FakeQc(201), 5000);
  EXPECT_EQ(SilentWaits(&fetcher, 1, 5000).front(), kRetryUs);
}

TEST(BlockFetcher, GoesOnWaitingLongWhenABlockOfManyNoLongerMatters) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  for (const uint64_t round : {199, 200}) fetcher.Want(FakeQc(round), 0);
  SilentWaits(&fetcher, 13, 0);
  fetcher.ForgetUpTo({199});
  EXPECT_EQ(SilentWaits(&fetcher, 1, fetcher.deadline_us()).front(), kRetryMaxUs);
}

TEST(BlockFetcher, IgnoresAnswersOfThoseItDidNotAsk) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  fetcher.Want(FakeQc(200), 0);
  const ValidatorIndex asked = fetcher.TakeDue({5}, Nobody(), 0)->from;
  fetcher.NoteAnswer({(asked.value + 1) % 3}, {69}, 10);
  EXPECT_FALSE(fetcher.TakeDue({5}, Nobody(), 10).has_value());
}

TEST(BlockFetcher, ForgetsBlocksOfDecidedRounds) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  for (const uint64_t round : {7, 8, 9}) fetcher.Want(FakeQc(round), 0);
  ASSERT_TRUE(fetcher.TakeDue({5}, Nobody(), 0).has_value());
  fetcher.ForgetUpTo({8});
  EXPECT_FALSE(fetcher.CertificateFor(FakeId(8)).has_value());
  EXPECT_EQ(fetcher.CertificateFor(FakeId(9)), FakeQc(9));
  fetcher.ForgetUpTo({9});
  EXPECT_TRUE(fetcher.empty());
  EXPECT_FALSE(fetcher.TakeDue({5}, Nobody(), kRetryMaxUs).has_value());
}

TEST(BlockFetcher, WantsABoundedNumberOfBlocksOfTheHighestRounds) {
  BlockFetcher fetcher(kSelf, kTimeouts);
  for (uint64_t round = 1; round <= 3 * BlockFetcher::kWantedMax; ++round) {
    fetcher.Want(FakeQc(round), 0);
    fetcher.TakeDue({0}, Nobody(), round * kRetryMaxUs);
  }
  size_t wanted = 0;
  for (uint64_t round = 1; round <= 3 * BlockFetcher::kWantedMax; ++round) {
    if (!fetcher.CertificateFor(FakeId(round)).has_value()) continue;
    ++wanted;
    EXPECT_GT(round, 2 * BlockFetcher::kWantedMax);
  }
  EXPECT_EQ(wanted, BlockFetcher::kWantedMax);
}

}  // namespace
}  // namespace kiln::consensus
