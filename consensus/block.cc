#include "consensus/block.h"

#include <utility>

#include "base/check.h"
#include "consensus/codec.h"
#include "consensus/executed_state.h"

namespace kiln::consensus {

BlockPtr MakeBlock(Header header, QuorumCertificate justify, SharedBytes payload,
                   std::shared_ptr<const PayloadIndex> index) {
  KILN_CHECK(index != nullptr);
  header.justify_hash = HashOf(justify);
  header.payload_root = index->root;
  return AssembleBlock(header, std::move(justify), std::move(payload), std::move(index));
}

BlockPtr AssembleBlock(const Header& header, QuorumCertificate justify, SharedBytes payload,
                       std::shared_ptr<const PayloadIndex> index) {
  KILN_CHECK(payload != nullptr);
  KILN_CHECK(index != nullptr);
  auto block = std::make_shared<Block>();
  block->id = HashOf(header);
  block->header = header;
  block->justify = std::move(justify);
  block->payload = std::move(payload);
  block->index = std::move(index);
  return block;
}

BlockPtr GenesisBlock(const Genesis& genesis) {
  Header header;
  header.chain_id = genesis.ChainId();
  header.epoch = {1};
  header.state_root = GenesisState(genesis).Root();
  header.time_us = genesis.time_us;
  return MakeBlock(header, QuorumCertificate{}, EmptyPayload(), EmptyPayloadIndex());
}

QuorumCertificate GenesisCertificate(const Genesis& genesis) {
  return {.epoch = {1}, .block_id = GenesisBlock(genesis)->id};
}

}  // namespace kiln::consensus
