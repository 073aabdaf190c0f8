#include "consensus/receipt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

using ::testing::HasSubstr;

class ReceiptVerification : public testing::Test {
 protected:
  ReceiptVerification() {
    chain_ = world_.Chain(1);
    chain_.push_back(world_.Child(chain_[1], {2}, {.transactions = {"one", "two", "three"}}));
    chain_.push_back(world_.Child(chain_[2], {3}));
  }

  // An honest receipt for transaction `index` of block 2.
  Receipt ReceiptFor(uint32_t index) {
    std::vector<Hash> leaves;
    for (const PayloadIndex::Entry& entry : chain_[2]->index->entries) leaves.push_back(entry.leaf);
    const crypto::MerkleTree tree(leaves);
    return {.height = 2,
            .index = index,
            .reply = Reply::Ok("done"),
            .proof = {.block_id = chain_[2]->id,
                      .inclusion = ProveInclusion(*chain_[2], tree, index),
                      .finality = Encode(world_.ProofOf(chain_, 2, 3))}};
  }
  std::string Refusal(const Transaction& transaction, const Receipt& receipt) {
    const absl::Status status = VerifyReceipt(world_.genesis(), transaction, receipt);
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }

  TestWorld world_;
  std::vector<BlockPtr> chain_;
};

TEST_F(ReceiptVerification, AcceptsAnHonestReceiptForEachTransaction) {
  EXPECT_EQ(Refusal({.payload = "one"}, ReceiptFor(0)), "");
  EXPECT_EQ(Refusal({.payload = "two"}, ReceiptFor(1)), "");
  EXPECT_EQ(Refusal({.payload = "three"}, ReceiptFor(2)), "");
}

TEST_F(ReceiptVerification, RefusesAReceiptForAnotherTransaction) {
  EXPECT_THAT(Refusal({.payload = "two"}, ReceiptFor(0)), HasSubstr("inclusion proof"));
  EXPECT_THAT(Refusal({.payload = "one", .key = "k"}, ReceiptFor(0)), HasSubstr("inclusion proof"));
}

TEST_F(ReceiptVerification, RefusesAnotherHeightIndexOrBlock) {
  Receipt receipt = ReceiptFor(0);
  receipt.height = 3;
  EXPECT_THAT(Refusal({.payload = "one"}, receipt),
              HasSubstr("height: the receipt says 3, the block has 2"));
  receipt = ReceiptFor(0);
  receipt.index = 1;
  EXPECT_THAT(Refusal({.payload = "one"}, receipt),
              HasSubstr("index: the receipt says 1, the proof shows 0"));
  receipt = ReceiptFor(0);
  receipt.proof.block_id = chain_[1]->id;
  EXPECT_THAT(Refusal({.payload = "one"}, receipt),
              HasSubstr("block id: the finality proof is for another block"));
}

TEST_F(ReceiptVerification, RefusesAnotherBlocksFinality) {
  Receipt receipt = ReceiptFor(0);
  receipt.proof.finality = Encode(world_.ProofOf(chain_, 1, 3));
  EXPECT_THAT(Refusal({.payload = "one"}, receipt), HasSubstr("block id"));
  receipt.proof.block_id = chain_[1]->id;
  receipt.height = 1;
  EXPECT_THAT(Refusal({.payload = "one"}, receipt), HasSubstr("inclusion proof"));
}

TEST_F(ReceiptVerification, RefusesAnotherChainsValidators) {
  Genesis genesis = world_.genesis();
  genesis.chain_name = "other";
  EXPECT_THAT(VerifyReceipt(genesis, {.payload = "one"}, ReceiptFor(0)).message(),
              HasSubstr("signature of validator 0 does not verify"));
}

TEST_F(ReceiptVerification, RefusesEveryMutationOfItsProofs) {
  const Receipt honest = ReceiptFor(1);
  const auto verifier = ReceiptVerifier::Create(world_.genesis());
  ASSERT_TRUE(verifier.ok()) << verifier.status();
  ASSERT_TRUE((*verifier)->Verify({.payload = "two"}, honest).ok());
  for (size_t i = 0; i < honest.proof.inclusion.size(); ++i) {
    Receipt receipt = honest;
    receipt.proof.inclusion[i] = static_cast<char>(receipt.proof.inclusion[i] ^ 1);
    EXPECT_FALSE((*verifier)->Verify({.payload = "two"}, receipt).ok()) << "inclusion byte " << i;
  }
  for (size_t i = 0; i < honest.proof.finality.size(); ++i) {
    Receipt receipt = honest;
    receipt.proof.finality[i] = static_cast<char>(receipt.proof.finality[i] ^ 1);
    EXPECT_FALSE((*verifier)->Verify({.payload = "two"}, receipt).ok()) << "finality byte " << i;
  }
}

TEST_F(ReceiptVerification, RefusesAnApplicationsReplyToWhatWasOrderedTooLate) {
  const SharedBytes payload = PayloadOf({"one"}, /*last_height=*/1);
  const auto index = IndexPayload(*payload, {});
  ASSERT_TRUE(index.ok()) << index.status();
  chain_[2] = MakeBlock(chain_[2]->header, chain_[2]->justify, payload, *index);
  chain_[3] = world_.Child(chain_[2], {3});
  Receipt receipt = ReceiptFor(0);
  EXPECT_THAT(Refusal({.payload = "one"}, receipt),
              HasSubstr("reply: ordered at height 2 with last height 1"));
  receipt.reply = {.code = Reply::kExpired};
  EXPECT_EQ(Refusal({.payload = "one"}, receipt), "");
}

TEST_F(ReceiptVerification, RefusesAKeyThatNoTransactionMayHave) {
  EXPECT_THAT(Refusal({.payload = "one", .key = std::string(65, 'k')}, ReceiptFor(0)),
              HasSubstr("bytes of key: 65, the limit is 64"));
}

}  // namespace
}  // namespace kiln::consensus
