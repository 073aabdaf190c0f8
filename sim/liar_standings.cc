// Lies to a validator that recovers its safety record: B11.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "sim/liar_base.h"
#include "sim/liar_families.h"

namespace kiln::sim {
namespace {

using consensus::Standing;
using network::PeerMessage;

// Stands lower than it does, or higher than anybody may, or says what it said to the same asker
// before, or what it would say to another.
class StandingLiar final : public LiarBase {
 public:
  using LiarBase::LiarBase;

 protected:
  void Lie(ValidatorIndex to, const PeerMessage& message) override {
    const auto* standing = As<Standing>(message);
    if (standing == nullptr) return Tell(to, message);
    Count();
    Tell(to, AsPeerMessage(Changed(to, *standing)));
    earlier_.emplace(to, *standing);
  }

 private:
  Standing Changed(ValidatorIndex to, Standing standing) {
    const auto earlier = earlier_.find(to);
    switch (random().Below(5)) {
      case 0:  // as low as can be proved
        standing.high_qc = memory().HighestQcBelow({1});
        standing.last_tc.reset();
        standing.last_voted_round = {0};
        return SignStanding(standing);
      case 1:  // higher than any certificate
        standing.high_qc.round.value += 1 + random().Below(1'000'000);
        return SignStanding(standing);
      case 2:
        return earlier == earlier_.end() ? standing : earlier->second;
      case 3:
        standing.asker = RandomOther();
        return SignStanding(standing);
      default:  // an older certificate of those it has
        standing.high_qc = memory().HighestQcBelow(standing.high_qc.round);
        standing.last_tc.reset();
        standing.last_voted_round = {0};
        return SignStanding(standing);
    }
  }

  absl::btree_map<ValidatorIndex, Standing> earlier_;
};

}  // namespace

std::unique_ptr<Liar> MakeStandingLiar(Fault fault, LiarContext context, Say say) {
  return Make<StandingLiar>(std::move(fault), std::move(context), std::move(say));
}

}  // namespace kiln::sim
