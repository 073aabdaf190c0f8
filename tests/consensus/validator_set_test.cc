#include "consensus/validator_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

using ::testing::HasSubstr;

std::vector<Validator> Members(const std::vector<uint64_t>& powers) {
  std::vector<Validator> members;
  for (uint32_t i = 0; i < powers.size(); ++i) {
    members.push_back({.name = absl::StrCat("v", i),
                       .consensus_key = TestKey(i, 'c').public_key(),
                       .node_key = TestKey(i, 'n').public_key(),
                       .power = powers[i]});
  }
  return members;
}

ValidatorSet SetOf(const std::vector<uint64_t>& powers) {
  absl::StatusOr<ValidatorSet> set = ValidatorSet::Create(Members(powers));
  KILN_CHECK_OK(set.status());
  return *std::move(set);
}

std::string Refusal(std::vector<Validator> members) {
  return std::string(ValidatorSet::Create(std::move(members)).status().message());
}

// The slow twin: counts the voters that would have to be added, one unit of power at a time.
bool NaiveIsMoreThanThirds(uint64_t power, uint64_t total, int thirds) {
  uint64_t left = 0;
  for (uint64_t i = 0; i < power; ++i) left += 3;
  uint64_t right = 0;
  for (uint64_t i = 0; i < total; ++i) right += static_cast<uint64_t>(thirds);
  return left > right;
}

TEST(ValidatorSet, CountsQuorumsAsItsSlowTwinDoes) {
  for (uint64_t total = 1; total <= 10; ++total) {
    const ValidatorSet set = SetOf({total});
    for (uint64_t power = 0; power <= total; ++power) {
      EXPECT_EQ(set.IsQuorum(power), NaiveIsMoreThanThirds(power, total, 2))
          << power << " of " << total;
      EXPECT_EQ(set.IsBlockingShare(power), NaiveIsMoreThanThirds(power, total, 1))
          << power << " of " << total;
    }
  }
}

TEST(ValidatorSet, NeedsThreeOfFourForAQuorumAndTwoToBlock) {
  const ValidatorSet set = SetOf({1, 1, 1, 1});
  EXPECT_FALSE(set.IsQuorum(2));
  EXPECT_TRUE(set.IsQuorum(3));
  EXPECT_FALSE(set.IsBlockingShare(1));
  EXPECT_TRUE(set.IsBlockingShare(2));
}

TEST(ValidatorSet, DoesNotOverflowAtTheLargestTotal) {
  const ValidatorSet set = SetOf({kTotalPowerMax});
  const uint64_t two_thirds = kTotalPowerMax / 3 * 2;  // the maximum is 1152921504606846975 = 3 * n
  ASSERT_EQ(kTotalPowerMax % 3, 0U);
  EXPECT_FALSE(set.IsQuorum(two_thirds));
  EXPECT_TRUE(set.IsQuorum(two_thirds + 1));
  EXPECT_FALSE(set.IsBlockingShare(kTotalPowerMax / 3));
  EXPECT_TRUE(set.IsBlockingShare(kTotalPowerMax / 3 + 1));
  EXPECT_TRUE(set.IsQuorum(UINT64_MAX)) << "a sum that no members have, but arithmetic must hold";
}

TEST(ValidatorSet, AcceptsATotalAtTheMaximumAndRefusesOneAbove) {
  EXPECT_EQ(SetOf({kTotalPowerMax - 1, 1}).total_power(), kTotalPowerMax);
  EXPECT_THAT(Refusal(Members({kTotalPowerMax, 1})),
              HasSubstr("validators[1]: power 1 takes the total above 1152921504606846975"));
  EXPECT_THAT(Refusal(Members({UINT64_MAX, UINT64_MAX})), HasSubstr("validators[0]: power"));
}

TEST(ValidatorSet, RefusesAnEmptySetAndATooLargeOne) {
  EXPECT_THAT(Refusal({}), HasSubstr("validators: 0 of them, allowed are 1 to 1024"));
  EXPECT_THAT(Refusal(std::vector<Validator>(kValidatorsMax + 1)),
              HasSubstr("validators: 1025 of them"));
}

TEST(ValidatorSet, RefusesZeroPower) {
  EXPECT_THAT(Refusal(Members({1, 0})), HasSubstr("validators[1]: power is 0"));
}

TEST(ValidatorSet, RefusesANameOrAKeyThatIsUsedTwice) {
  std::vector<Validator> members = Members({1, 1});
  members[1].name = "v0";
  EXPECT_THAT(Refusal(members), HasSubstr("validators[1]: name is used twice"));

  members = Members({1, 1});
  members[1].consensus_key = members[0].consensus_key;
  EXPECT_THAT(Refusal(members), HasSubstr("validators[1]: consensus key is used twice"));

  members = Members({1, 1});
  members[1].node_key = members[0].node_key;
  EXPECT_THAT(Refusal(members), HasSubstr("validators[1]: node key is used twice"));

  members = Members({1, 1});
  members[1].node_key = members[1].consensus_key;
  EXPECT_THAT(Refusal(members), HasSubstr("validators[1]: node key is used twice"))
      << "one key must not serve two purposes";
}

TEST(ValidatorSet, RefusesKeysThatAreNoPointsAndNamesThatDoNotPrint) {
  std::vector<Validator> members = Members({1});
  members[0].consensus_key = {};
  EXPECT_THAT(Refusal(members), HasSubstr("consensus key is not a valid Ed25519 public key"));
  members = Members({1});
  members[0].node_key.fill(0xFF);
  EXPECT_THAT(Refusal(members), HasSubstr("node key is not a valid Ed25519 public key"));
  members = Members({1});
  members[0].name = "";
  EXPECT_THAT(Refusal(members), HasSubstr("name has 0 characters"));
  members[0].name = std::string(65, 'a');
  EXPECT_THAT(Refusal(members), HasSubstr("name has 65 characters, allowed are 1 to 64"));
  members[0].name = "v\n0";
  EXPECT_THAT(Refusal(members), HasSubstr("name is not printable ASCII"));
  members[0].name = std::string(64, 'a');
  EXPECT_TRUE(ValidatorSet::Create(members).ok());
}

TEST(ValidatorSet, FindsMembersByKeyAndName) {
  const ValidatorSet set = SetOf({1, 2, 3});
  EXPECT_EQ(set.FindByConsensusKey(TestKey(1, 'c').public_key()), ValidatorIndex{1});
  EXPECT_EQ(set.FindByNodeKey(TestKey(2, 'n').public_key()), ValidatorIndex{2});
  EXPECT_EQ(set.FindByName("v0"), ValidatorIndex{0});
  EXPECT_EQ(set.FindByConsensusKey(TestKey(1, 'n').public_key()), std::nullopt);
  EXPECT_EQ(set.FindByNodeKey(TestKey(1, 'c').public_key()), std::nullopt);
  EXPECT_EQ(set.FindByName("v3"), std::nullopt);
}

TEST(ValidatorSet, HashesEveryFieldAndTheOrder) {
  const Hash hash = SetOf({1, 2}).hash();
  EXPECT_EQ(SetOf({1, 2}).hash(), hash);
  EXPECT_NE(SetOf({2, 1}).hash(), hash);
  EXPECT_NE(SetOf({1, 2, 1}).hash(), hash);
  std::vector<Validator> members = Members({1, 2});
  std::swap(members[0], members[1]);
  EXPECT_NE(ValidatorSet::Create(members)->hash(), hash);
  members = Members({1, 2});
  members[1].name = "other";
  EXPECT_NE(ValidatorSet::Create(members)->hash(), hash);
}

TEST(SignerBitmap, HoldsTheMembersThatWereAdded) {
  SignerBitmap bitmap(10);
  EXPECT_EQ(bitmap.bytes().size(), 2U);
  bitmap.Add({9});
  bitmap.Add({0});
  bitmap.Add({9});
  EXPECT_EQ(bitmap.Count(), 2U);
  EXPECT_TRUE(bitmap.Contains({0}));
  EXPECT_FALSE(bitmap.Contains({8}));
  EXPECT_FALSE(bitmap.Contains({16})) << "outside";
  EXPECT_THAT(bitmap.Members(), testing::ElementsAre(ValidatorIndex{0}, ValidatorIndex{9}));
  EXPECT_EQ(bitmap.bytes(), std::string("\x01\x02"));
}

TEST(SignerBitmap, IsCanonicalOnlyAtItsLengthAndWithoutPaddingBits) {
  EXPECT_TRUE(SignerBitmap::FromBytes("\x0F").IsCanonicalFor(4));
  EXPECT_FALSE(SignerBitmap::FromBytes("\x1F").IsCanonicalFor(4));
  EXPECT_TRUE(SignerBitmap::FromBytes("\xFF").IsCanonicalFor(8));
  EXPECT_FALSE(SignerBitmap::FromBytes("\xFF").IsCanonicalFor(9));
  EXPECT_FALSE(SignerBitmap::FromBytes(std::string("\x0F\x00", 2)).IsCanonicalFor(4));
  EXPECT_FALSE(SignerBitmap().IsCanonicalFor(1));
}

}  // namespace
}  // namespace kiln::consensus
