#include "sim/accountability_oracle.h"

#include "tests/sim/oracle_fixture.h"

namespace kiln::sim {
namespace {

using consensus::BlockPtr;

// Validators 2 and 3 are dishonest, and agreement is broken.
class Accountability : public OracleTest {
 protected:
  Accountability() {
    scenario_.must_violate = {"S1"};
    observed_.Violated("S1", "two blocks at one height");
  }
  void Hold(const consensus::QuorumCertificate& qc,
            std::optional<consensus::TimeoutCertificate> tc = std::nullopt) {
    consensus::SafetyRecord record = FreshRecord();
    record.high_qc = qc;
    record.last_tc = std::move(tc);
    oracle_.OnRecord(record);
  }
  std::set<std::string> AtTheEnd() {
    oracle_.Judge();
    violations_.erase("S1");
    return violations_;
  }

  Observed observed_{Context({true, true, false, false})};
  AccountabilityOracle oracle_{&observed_};
};

TEST_F(Accountability, FindsThoseWhoVotedForTwoBlocksOfARound) {
  Hold(world_.QcFor(world_.Child(world_.genesis_block(), {1}), {{0}, {2}, {3}}));
  Hold(world_.QcFor(world_.Child(world_.genesis_block(), {1}, {.transactions = {"a=b"}}),
                    {{1}, {2}, {3}}));
  EXPECT_EQ(AtTheEnd(), none_);
}

TEST_F(Accountability, FindsThoseWhoForgotWhatTheyHadLocked) {
  const std::vector<BlockPtr> chain = world_.Chain(3);
  for (const BlockPtr& block : chain) observed_.Note(block);
  Hold(world_.QcFor(chain[3], {{0}, {2}, {3}}));  // locks round 2
  Hold(world_.QcFor(chain[1]), world_.TcFor({4}, world_.QcFor(chain[1])));
  EXPECT_EQ(AtTheEnd(), none_);
}

TEST_F(Accountability, MissesProofsWhereNobodySignedTwoThings) {
  Hold(world_.QcFor(world_.Child(world_.genesis_block(), {1}), {{0}, {2}, {3}}));
  EXPECT_EQ(AtTheEnd(), std::set<std::string>({"S12"}));
}

}  // namespace
}  // namespace kiln::sim
