// Signatures, votes and certificates, as functions of the number of validators.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "consensus/codec.h"
#include "consensus/verifier.h"
#include "consensus/vote_collector.h"
#include "crypto/ed25519.h"
#include "network/frames.h"
#include "tests/consensus/replica_cluster.h"
#include "tests/consensus/test_world.h"

namespace kiln::bench {
namespace {

using consensus::MessageVerifier;
using consensus::QuorumCertificate;
using consensus::TestWorld;
using consensus::Vote;

std::vector<uint64_t> EqualPowers(benchmark::State& state) {
  return std::vector<uint64_t>(static_cast<size_t>(state.range(0)), 1);
}

void ForSetSizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("n");
  for (const int n : {4, 10, 25, 50, 100}) benchmark->Arg(n);
}

std::optional<MessageVerifier> NewVerifier(const TestWorld& world) {
  return std::make_optional<MessageVerifier>(world.genesis(), &world.validators(), &world.leaders(),
                                             Epoch{1}, &world.signatures());
}

void BM_Sign(benchmark::State& state) {
  const crypto::SecretKey key = consensus::TestKey(0, 'c');
  for (auto _ : state) benchmark::DoNotOptimize(key.Sign("a vote is about as long as this text"));
}
BENCHMARK(BM_Sign);

void BM_VerifySignature(benchmark::State& state) {
  const crypto::SecretKey key = consensus::TestKey(0, 'c');
  const crypto::Signature signature = key.Sign("a vote");
  for (auto _ : state) KILN_CHECK(crypto::Verify(key.public_key(), "a vote", signature));
}
BENCHMARK(BM_VerifySignature);

void BM_VerifyVote(benchmark::State& state) {
  TestWorld world;
  const Vote vote = world.VoteFor(world.Child(world.genesis_block(), Round{1}), {0});
  for (auto _ : state) KILN_CHECK_OK(world.verifier().Verify({0}, vote).status());
}
BENCHMARK(BM_VerifyVote);

// One that was not seen before.
void BM_VerifyQuorumCertificate(benchmark::State& state) {
  TestWorld world(EqualPowers(state));
  const QuorumCertificate qc = world.QcFor(world.Child(world.genesis_block(), Round{1}));
  for (auto _ : state) {
    state.PauseTiming();
    std::optional<MessageVerifier> verifier = NewVerifier(world);
    state.ResumeTiming();
    KILN_CHECK_OK(verifier->VerifyQuorumCertificate(qc));
    state.PauseTiming();
    verifier.reset();
    state.ResumeTiming();
  }
  state.counters["signatures"] = static_cast<double>(qc.signatures.size());
  state.counters["certificate_bytes"] = static_cast<double>(Encode(qc).size());
}
BENCHMARK(BM_VerifyQuorumCertificate)->Apply(ForSetSizes);

// One that is remembered.
void BM_VerifyKnownQuorumCertificate(benchmark::State& state) {
  TestWorld world(EqualPowers(state));
  const QuorumCertificate qc = world.QcFor(world.Child(world.genesis_block(), Round{1}));
  KILN_CHECK_OK(world.verifier().VerifyQuorumCertificate(qc));
  for (auto _ : state) KILN_CHECK_OK(world.verifier().VerifyQuorumCertificate(qc));
}
BENCHMARK(BM_VerifyKnownQuorumCertificate)->Apply(ForSetSizes);

// A timeout certificate and the quorum certificate in it.
void BM_VerifyTimeoutCertificate(benchmark::State& state) {
  TestWorld world(EqualPowers(state));
  const consensus::TimeoutCertificate tc =
      world.TcFor(Round{2}, world.QcFor(world.Child(world.genesis_block(), Round{1})));
  for (auto _ : state) {
    state.PauseTiming();
    std::optional<MessageVerifier> verifier = NewVerifier(world);
    state.ResumeTiming();
    KILN_CHECK_OK(verifier->VerifyTimeoutCertificate(tc));
    state.PauseTiming();
    verifier.reset();
    state.ResumeTiming();
  }
  state.counters["certificate_bytes"] = static_cast<double>(Encode(tc).size());
}
BENCHMARK(BM_VerifyTimeoutCertificate)->Apply(ForSetSizes);

// Verified votes of one round, up to their certificate.
void BM_CollectVotes(benchmark::State& state) {
  TestWorld world(EqualPowers(state));
  const consensus::BlockPtr block = world.Child(world.genesis_block(), Round{1});
  std::vector<Vote> votes;
  for (const ValidatorIndex author : world.Quorum()) votes.push_back(world.VoteFor(block, author));
  for (auto _ : state) {
    consensus::VoteCollector collector(&world.validators());
    std::optional<QuorumCertificate> qc;
    for (const Vote& vote : votes) {
      auto added = collector.Add(vote);
      KILN_CHECK_OK(added.status());
      qc = *std::move(added);
    }
    KILN_CHECK(qc.has_value());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(votes.size()));
}
BENCHMARK(BM_CollectVotes)->Apply(ForSetSizes);

// What goes over the wire in each round of a whole set that has something to order: no faults, one
// small transaction a round. The time is that of the test rig around the replicas, with cheap
// signatures; the counters are the result.
void BM_MessagesPerRound(benchmark::State& state) {
  consensus::ReplicaCluster cluster(
      {.powers = EqualPowers(state), .signatures = consensus::Signatures::kCheap, .log = false});
  for (uint32_t i = 0; i < cluster.size(); ++i) cluster.Start(i);
  cluster.DeliverAll();  // what starting replicas tell each other
  uint64_t messages = 0;
  uint64_t bytes = 0;
  uint64_t rounds = 0;
  for (auto _ : state) {
    cluster.Submit("transaction " + std::to_string(rounds++));
    const Round before = cluster.replica(0).status().round;
    while (cluster.replica(0).status().round == before) {
      KILN_CHECK(!cluster.flight().empty());
      const consensus::InFlight message = std::move(cluster.flight().front());
      cluster.flight().pop_front();
      ++messages;
      bytes += network::EncodeFrame(message.message)->bytes();
      cluster.Deliver(message);
    }
  }
  state.counters["messages"] = static_cast<double>(messages) / static_cast<double>(rounds);
  state.counters["bytes"] = static_cast<double>(bytes) / static_cast<double>(rounds);
}
BENCHMARK(BM_MessagesPerRound)->Apply(ForSetSizes)->Iterations(100);

}  // namespace
}  // namespace kiln::bench
