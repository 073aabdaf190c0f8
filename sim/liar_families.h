// The makers of each family of lies: one for each kind of row B in faults.h. Called by liar.cc
// alone.
#ifndef KILN_SIM_LIAR_FAMILIES_H_
#define KILN_SIM_LIAR_FAMILIES_H_

#include <memory>
#include <utility>

#include "sim/liar.h"
#include "sim/liar_base.h"
#include "sim/scenario.h"

namespace kiln::sim {

using LiarMaker = std::unique_ptr<Liar> (*)(Fault fault, LiarContext context, Say say);

std::unique_ptr<Liar> MakeEquivocator(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeTwoJustifier(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeProposalWithholder(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeWrongProposer(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeContentsLiar(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeDoubleVoter(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeVoteAndTimeouter(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeAmnesiac(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeVoteSpoofer(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeQcWithholder(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeLateRevealer(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeCertificateForger(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeEpochLiar(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeReplayer(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeSyncAttacker(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeStandingLiar(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeTimeoutScatterer(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeSlowDripper(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeOddSigner(Fault fault, LiarContext context, Say say);
std::unique_ptr<Liar> MakeMutator(Fault fault, LiarContext context, Say say);

template <typename T>
std::unique_ptr<Liar> Make(Fault fault, LiarContext context, Say say) {
  return std::make_unique<T>(std::move(fault), std::move(context), std::move(say));
}

}  // namespace kiln::sim

#endif  // KILN_SIM_LIAR_FAMILIES_H_
