// Encoding, decoding and hashing: what every byte of a payload and every message pays.
#include <benchmark/benchmark.h>

#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "bench/transactions.h"
#include "consensus/codec.h"
#include "consensus/payload.h"
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "network/frames.h"
#include "tests/consensus/test_world.h"

namespace kiln::bench {
namespace {

using consensus::Proposal;
using consensus::TestWorld;

// A proposal of round 2 with this many transactions.
Proposal MakeProposal(TestWorld* world, size_t transactions, size_t payload_bytes) {
  const consensus::BlockPtr parent = world->Child(world->genesis_block(), Round{1});
  return world->ProposalOf(world->Child(
      parent, Round{2}, {.transactions = MakeTransactions(0, transactions, payload_bytes)}));
}

void CountTransactions(benchmark::State& state, size_t each) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(each));
}

void BM_EncodeProposal(benchmark::State& state) {
  TestWorld world;
  const Proposal proposal = MakeProposal(&world, kBlockTransactions, kPayloadBytes);
  for (auto _ : state) benchmark::DoNotOptimize(network::EncodeFrame(proposal));
}
BENCHMARK(BM_EncodeProposal);

// Includes indexing and hashing the payload. Arguments: transactions, bytes of each.
void BM_DecodeProposal(benchmark::State& state) {
  TestWorld world;
  const size_t transactions = static_cast<size_t>(state.range(0));
  const Proposal proposal = MakeProposal(&world, transactions, static_cast<size_t>(state.range(1)));
  const std::string body = consensus::EncodeWithoutPayload(proposal);
  for (auto _ : state) {
    auto decoded = consensus::DecodeProposal(body, proposal.block->payload, ChainLimits{});
    KILN_CHECK_OK(decoded.status());
    benchmark::DoNotOptimize(decoded);
  }
  CountTransactions(state, transactions);
}
BENCHMARK(BM_DecodeProposal)
    ->ArgNames({"transactions", "bytes"})
    ->Args({0, kPayloadBytes})
    ->Args({1, kPayloadBytes})
    ->Args({kBlockTransactions, kPayloadBytes})
    ->Args({kBlockTransactions, 1000});

void BM_EncodeVote(benchmark::State& state) {
  TestWorld world;
  const consensus::Vote vote = world.VoteFor(world.Child(world.genesis_block(), Round{1}), {0});
  for (auto _ : state) benchmark::DoNotOptimize(network::EncodeFrame(vote));
}
BENCHMARK(BM_EncodeVote);

void BM_DecodeVote(benchmark::State& state) {
  TestWorld world;
  const std::string bytes =
      Encode(world.VoteFor(world.Child(world.genesis_block(), Round{1}), {0}));
  for (auto _ : state) {
    auto vote = consensus::DecodeVote(bytes);
    KILN_CHECK_OK(vote.status());
    benchmark::DoNotOptimize(vote);
  }
}
BENCHMARK(BM_DecodeVote);

void BM_HashBytes(benchmark::State& state) {
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::HashBytes(crypto::kDomainChecksum, bytes));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_HashBytes)->Arg(32)->Arg(150)->Arg(1024)->Arg(256 << 10);

void BM_ShortHash(benchmark::State& state) {
  const std::string bytes(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(crypto::ShortHash(1, bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_ShortHash)->Arg(150)->Arg(256 << 10);

void BM_TransactionId(benchmark::State& state) {
  const std::string transaction =
      MakeTransactions(0, 1, static_cast<size_t>(state.range(0))).front();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        consensus::EnvelopeId({.last_height = 1, .key = "", .payload = transaction}));
  }
}
BENCHMARK(BM_TransactionId)->Arg(kPayloadBytes)->Arg(1000);

// Ids alone, as for a batch that clients or mempools send.
void BM_IndexBatch(benchmark::State& state) {
  const consensus::SharedBytes batch =
      MakePayload(0, kBlockTransactions, static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    auto index = consensus::IndexBatch(*batch, ChainLimits{});
    KILN_CHECK_OK(index.status());
    benchmark::DoNotOptimize(index);
  }
  CountTransactions(state, kBlockTransactions);
}
BENCHMARK(BM_IndexBatch)->ArgName("bytes")->Arg(kPayloadBytes)->Arg(1000);

// Ids, leaves and root, as for a block.
void BM_IndexPayload(benchmark::State& state) {
  const consensus::SharedBytes payload =
      MakePayload(0, kBlockTransactions, static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Index(payload));
  CountTransactions(state, kBlockTransactions);
}
BENCHMARK(BM_IndexPayload)->ArgName("bytes")->Arg(kPayloadBytes)->Arg(1000);

std::vector<Hash> LeavesOf(const consensus::PayloadIndex& index) {
  std::vector<Hash> leaves;
  for (const auto& entry : index.entries) leaves.push_back(entry.leaf);
  return leaves;
}

void BM_MerkleRoot(benchmark::State& state) {
  const size_t count = static_cast<size_t>(state.range(0));
  const std::vector<Hash> leaves = LeavesOf(*Index(MakePayload(0, count, kPayloadBytes)));
  for (auto _ : state) benchmark::DoNotOptimize(crypto::MerkleRoot(leaves));
  CountTransactions(state, count);
}
BENCHMARK(BM_MerkleRoot)->Arg(100)->Arg(kBlockTransactions);

// The tree of a block and a proof for each of its transactions, as for answers to clients.
void BM_ProveAll(benchmark::State& state) {
  const std::vector<Hash> leaves =
      LeavesOf(*Index(MakePayload(0, kBlockTransactions, kPayloadBytes)));
  for (auto _ : state) {
    const crypto::MerkleTree tree(leaves);
    for (uint32_t i = 0; i < tree.leaf_count(); ++i) benchmark::DoNotOptimize(tree.Prove(i));
  }
  CountTransactions(state, kBlockTransactions);
}
BENCHMARK(BM_ProveAll);

}  // namespace
}  // namespace kiln::bench
