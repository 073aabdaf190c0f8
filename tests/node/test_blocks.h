// Transactions, batches and blocks for tests of node/, without signatures.
#ifndef KILN_TESTS_NODE_TEST_BLOCKS_H_
#define KILN_TESTS_NODE_TEST_BLOCKS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "consensus/block.h"
#include "consensus/payload.h"
#include "crypto/ed25519.h"
#include "crypto/hash.h"
#include "kiln/genesis.h"
#include "node/mempool.h"
#include "storage/store.h"

namespace kiln::node {

// An envelope with storage of its own.
struct TestTransaction {
  std::string payload;
  uint64_t last_height = 10;
  std::string key;

  Hash id() const { return consensus::EnvelopeId({.key = key, .payload = payload}); }
};

inline Genesis SmallGenesis(uint64_t window_blocks = 16) {
  Genesis genesis{.chain_name = "small", .time_us = 1'700'000'000'000'000};
  genesis.limits.duplicate_window_blocks = window_blocks;
  for (uint8_t i = 0; i < 4; ++i) {
    GenesisValidator validator{.name = absl::StrCat("v", i), .power = 1};
    validator.consensus_key = crypto::SecretKey::FromSeed({i, 'c'}).public_key();
    validator.node_key = crypto::SecretKey::FromSeed({i, 'n'}).public_key();
    genesis.validators.push_back(validator);
  }
  return genesis;
}

inline TransactionBatch BatchOf(const std::vector<TestTransaction>& transactions,
                                const ChainLimits& limits = {}) {
  consensus::PayloadBuilder builder;
  for (const TestTransaction& transaction : transactions) {
    builder.Add(consensus::Envelope{.last_height = transaction.last_height,
                                    .key = transaction.key,
                                    .payload = transaction.payload});
  }
  TransactionBatch batch{.bytes = std::move(builder).Finish()};
  auto index = consensus::IndexPayload(*batch.bytes, limits);
  KILN_CHECK(index.ok()) << index.status();
  batch.index = *std::move(index);
  return batch;
}

// Payloads, in order.
inline std::vector<std::string> PayloadsOf(const std::string& payload,
                                           const consensus::PayloadIndex& index) {
  std::vector<std::string> payloads;
  for (size_t i = 0; i < index.entries.size(); ++i) {
    const auto envelope = consensus::DecodeEnvelope(index.EnvelopeAt(payload, i), {});
    KILN_CHECK(envelope.ok()) << envelope.status();
    payloads.emplace_back(envelope->payload);
  }
  return payloads;
}

// A block at `height`; `round` tells apart blocks at one height.
inline consensus::BlockPtr BlockAtHeight(uint64_t height,
                                         const std::vector<TestTransaction>& transactions,
                                         uint64_t round = 0, const Hash& parent_id = {}) {
  const TransactionBatch batch = BatchOf(transactions);
  consensus::Header header;
  header.epoch = {1};
  header.round = {round == 0 ? height : round};
  header.height = {height};
  header.parent_id = parent_id;
  header.time_us = 1'700'000'000'000'000 + height;
  return consensus::MakeBlock(header, {}, batch.bytes, batch.index);
}

// Grows a chain of committed blocks in a store.
class TestChain {
 public:
  TestChain(const Genesis& genesis, storage::Store* store)
      : store_(store), tip_(consensus::GenesisBlock(genesis)) {}

  consensus::BlockPtr Commit(const std::vector<TestTransaction>& transactions) {
    tip_ = BlockAtHeight(tip_->header.height.value + 1, transactions, 0, tip_->id);
    storage::DurableWrite write;
    write.blocks.push_back(tip_);
    write.commits.push_back({.blocks = {tip_}, .child = tip_->header});
    KILN_CHECK_OK(store_->Persist(write));
    return tip_;
  }

 private:
  storage::Store* const store_;
  consensus::BlockPtr tip_;
};

}  // namespace kiln::node

#endif  // KILN_TESTS_NODE_TEST_BLOCKS_H_
