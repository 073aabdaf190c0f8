// kiln_fuzz_corpus OUTPUT_DIR: writes a corpus for every target, made of real objects. Files of
// other names stay as they are, so that findings and examples from elsewhere can be added by hand.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "consensus/codec.h"
#include "consensus/finality.h"
#include "consensus/receipt.h"
#include "crypto/key_file.h"
#include "crypto/merkle.h"
#include "kiln/v1/client.pb.h"
#include "network/client_service.h"
#include "network/convert.h"
#include "network/frames.h"
#include "network/peer_wire.h"
#include "network/tls_identity.h"
#include "node/config.h"
#include "storage/chain_file.h"
#include "storage/records.h"
#include "storage/schema.h"
#include "storage/snapshot_offer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/identity_time.h"
#include "tests/fuzz/mend.h"
#include "tests/fuzz/samples.h"
#include "tests/fuzz/storage_kinds.h"
#include "tests/fuzz/wire.h"
#include "tools/kv_application.h"

namespace kiln::fuzz {
namespace {

namespace fs = std::filesystem;
using consensus::BlockPtr;
using consensus::Message;

// Not thread-safe. A file that cannot be written ends the program.
class CorpusWriter {
 public:
  explicit CorpusWriter(fs::path root) : root_(std::move(root)) {}

  void Add(absl::string_view target, absl::string_view name, absl::string_view bytes) {
    const fs::path folder = root_ / std::string(target);
    fs::create_directories(folder);
    std::ofstream file(folder / std::string(name), std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    KILN_CHECK(!file.fail()) << folder.string() << "/" << name;
  }
  fs::path PathOf(absl::string_view target, absl::string_view name) {
    const fs::path folder = root_ / std::string(target);
    fs::create_directories(folder);
    return folder / std::string(name);
  }

 private:
  const fs::path root_;
};

// --- What validators say to each other

struct NamedMessage {
  std::string name;
  ValidatorIndex from;
  Message message;
};

// The last block of the chain, at height 6 in round 7; its parent skipped round 5.
const BlockPtr& Tip(Samples& samples) {
  return samples.ledger.chain().back();
}

consensus::TimeoutCertificate TcOfRound5(Samples& samples) {
  const auto qc4 = samples.world.QcFor(samples.ledger.at(4));
  const auto qc3 = samples.world.QcFor(samples.ledger.at(3));
  return samples.world.TcFor({5}, qc4, {{0}, {1}, {2}}, {qc4.round, qc3.round, qc4.round});
}

consensus::Standing StandingOf(Samples& samples, ValidatorIndex author,
                               const consensus::QuorumCertificate& qc,
                               std::optional<consensus::TimeoutCertificate> tc) {
  consensus::Standing standing{.epoch = {1},
                               .author = author,
                               .asker = {0},
                               .nonce = Tip(samples)->id,
                               .last_voted_round = qc.round,
                               .high_qc = qc,
                               .last_tc = std::move(tc)};
  standing.signature = samples.world.signer(author).Sign(
      consensus::StandingBytes(samples.world.chain_id(), standing));
  return standing;
}

std::vector<NamedMessage> SampleMessages(Samples& samples) {
  consensus::TestWorld& world = samples.world;
  const storage::LedgerDriver& ledger = samples.ledger;
  const auto tc = TcOfRound5(samples);
  const auto qc = world.QcFor(ledger.at(4));
  const auto proposer = [](const BlockPtr& block) { return block->header.proposer; };
  const std::vector<BlockPtr> three(ledger.chain().begin() + 1, ledger.chain().begin() + 4);
  return {
      {"vote", {1}, world.VoteFor(ledger.at(4), {1})},
      {"proposal", proposer(ledger.at(2)), world.ProposalOf(ledger.at(2))},
      {"proposal_first", proposer(ledger.at(1)), world.ProposalOf(ledger.at(1))},
      {"proposal_after_timeout", proposer(ledger.at(5)), world.ProposalOf(ledger.at(5), tc)},
      {"timeout", {2}, world.TimeoutOf({2}, {5}, qc)},
      {"timeout_first", {2}, world.TimeoutOf({2}, {1}, world.genesis_qc())},
      {"timeout_after_timeout", {3}, world.TimeoutOf({3}, {6}, qc, tc)},
      {"certificates", {0}, consensus::Certificates{.high_qc = qc, .last_tc = std::nullopt}},
      {"certificates_tc", {0}, consensus::Certificates{.high_qc = qc, .last_tc = tc}},
      {"blocks", {0}, consensus::Blocks{.blocks = three, .tip_qc = world.QcFor(three.back())}},
      {"blocks_by_id", {0}, consensus::Blocks{.blocks = {ledger.at(2)}, .tip_qc = std::nullopt}},
      {"standing", {1}, StandingOf(samples, {1}, qc, std::nullopt)},
      {"standing_tc", {2}, StandingOf(samples, {2}, qc, tc)},
      {"standing_first", {3}, StandingOf(samples, {3}, world.genesis_qc(), std::nullopt)},
      {"standing_request", {0}, consensus::StandingRequest{.nonce = Tip(samples)->id}},
  };
}

void AddConsensusValues(CorpusWriter& corpus) {
  Samples& samples = CheapSamples();
  consensus::TestWorld& world = samples.world;
  const storage::LedgerDriver& ledger = samples.ledger;
  corpus.Add("header", "genesis", Encode(ledger.at(0)->header));
  corpus.Add("header", "block", Encode(ledger.at(2)->header));
  corpus.Add("quorum_certificate", "genesis", Encode(world.genesis_qc()));
  corpus.Add("quorum_certificate", "quorum", Encode(world.QcFor(ledger.at(4))));
  corpus.Add("quorum_certificate", "all", Encode(world.QcFor(ledger.at(4), {{0}, {1}, {2}, {3}})));
  corpus.Add("timeout_certificate", "quorum", Encode(TcOfRound5(samples)));
  corpus.Add("timeout_certificate", "first", Encode(world.TcFor({1}, world.genesis_qc())));
  corpus.Add("block_request", "one",
             Encode(consensus::BlockRequest{Tip(samples)->id, Height{0}, 1}));
  corpus.Add("block_request", "many",
             Encode(consensus::BlockRequest{Tip(samples)->id, Height{3}, 64}));
  for (const uint64_t height : {1, 2, 4}) {
    const consensus::Block& block = *ledger.at(height);
    corpus.Add("block", absl::StrCat("height_", height),
               AsPart(EncodeWithoutPayload(block)) + *block.payload);
  }
  for (const uint64_t height : {0, 2, 6}) {
    corpus.Add("executed_state", absl::StrCat("height_", height), Encode(ledger.StateAt(height)));
  }
  corpus.Add("finality_proof", "direct", Encode(world.ProofOf(ledger.chain(), 1, 2)));
  corpus.Add("finality_proof", "indirect", Encode(world.ProofOf(ledger.chain(), 4, 6)));
  const storage::SnapshotOffer offer{
      .proof = {.chain_id = world.chain_id(),
                .height = {2},
                .naming = ledger.StateAt(4),
                .naming_finality = Encode(world.ProofOf(ledger.chain(), 1, 2)),
                .above_finality = Encode(world.ProofOf(ledger.chain(), 3, 4)),
                .below = {ledger.at(2)->header, ledger.at(1)->header}},
      .above = {ledger.at(3)}};
  corpus.Add("snapshot_offer", "one_block", Encode(offer));
}

void AddSafetyRecords(CorpusWriter& corpus) {
  Samples& samples = CheapSamples();
  consensus::SafetyRecord record;
  record.epoch = {1};
  record.high_qc = samples.world.genesis_qc();
  corpus.Add("safety_record", "fresh", Encode(record));
  record = samples.ledger.safety();
  corpus.Add("safety_record", "voted", Encode(record));
  record.last_voted_round = {8};
  record.last_tc = TcOfRound5(samples);
  record.last_timeout = samples.world.TimeoutOf({0}, {8}, record.high_qc, record.last_tc);
  corpus.Add("safety_record", "timed_out", Encode(record));
}

void AddPayloads(CorpusWriter& corpus) {
  const BlockPtr& block = CheapSamples().ledger.at(2);
  corpus.Add("payload", "empty", *consensus::EmptyPayload());
  corpus.Add("payload", "seven", *block->payload);
  const consensus::Envelope with_key{.last_height = 7, .key = "a key", .payload = "content"};
  const consensus::Envelope barrier{.last_height = 7, .key = "barrier", .payload = ""};
  consensus::PayloadBuilder builder;
  builder.Add(with_key);
  builder.Add(barrier);
  corpus.Add("payload", "keys", *std::move(builder).Finish());
  const auto add_envelope = [&corpus](absl::string_view name, const consensus::Envelope& envelope) {
    std::string bytes;
    consensus::AppendEnvelope(envelope, &bytes);
    corpus.Add("envelope", name, bytes);
  };
  add_envelope("with_key", with_key);
  add_envelope("barrier", barrier);
  add_envelope("without_key", {.last_height = UINT64_MAX, .key = "", .payload = "content"});
  const std::string key(consensus::kTransactionKeyBytesMax, 'k');
  add_envelope("longest_key", {.last_height = 0, .key = key, .payload = "content"});
}

// The encoded messages by themselves, as frames, as bytes on the wire, and with their senders.
void AddMessages(CorpusWriter& corpus) {
  const auto add_frame = [&corpus](const std::string& name, const network::FramePtr& frame) {
    corpus.Add("frame", name, FrameInput(*frame));
    const std::string wire = ToString(network::EncodeWireFrame(frame));
    corpus.Add("wire_frame", name, std::string(1, '\x07') + wire);
  };
  for (const NamedMessage& sample : SampleMessages(CheapSamples())) {
    const network::FramePtr frame = network::EncodeFrame(sample.message);
    add_frame(sample.name, frame);
    const std::string sender(1, static_cast<char>(sample.from.value));
    for (const char made_good : {0, 7}) {
      corpus.Add("message_verifier", absl::StrCat(sample.name, "_", int{made_good}),
                 std::string(1, made_good) + sender + FrameInput(*frame));
    }
    if (frame->kind == network::FrameKind::kProposal) {
      corpus.Add("proposal", sample.name, AsPart(frame->body) + *frame->payload);
    } else {
      const bool is_request = frame->kind == network::FrameKind::kStandingRequest;
      const std::string target =
          is_request ? sample.name : sample.name.substr(0, sample.name.find('_'));
      corpus.Add(target, sample.name, frame->body);
    }
  }
  const Hash tip = Tip(CheapSamples())->id;
  add_frame("block_request", network::EncodeFrame(consensus::BlockRequest{tip, Height{1}, 3}));
  network::TransactionBatch batch;
  batch.payload = CheapSamples().ledger.at(2)->payload;
  add_frame("transactions", network::EncodeFrame(batch));
  const auto bytes = std::make_shared<const std::string>("the bytes of a snapshot");
  add_frame("snapshot_offer", network::EncodeFrame(network::SnapshotOffer{bytes}));
  add_frame("snapshot_offer_request", network::EncodeFrame(network::SnapshotOfferRequest{}));
  add_frame("snapshot_request", network::EncodeFrame(network::SnapshotRequest{{16}, 3}));
  add_frame("snapshot_chunk",
            network::EncodeFrame(network::SnapshotChunk{{16}, "a Merkle proof", bytes}));
}

void AddHellos(CorpusWriter& corpus) {
  const Genesis& genesis = CheapSamples().world.genesis();
  for (const uint32_t index : {0, 3}) {
    const network::Hello hello{.chain_id = genesis.ChainId(),
                               .node_key = genesis.validators[index].node_key,
                               .index = {index}};
    corpus.Add("wire_hello", absl::StrCat("validator_", index),
               std::string(1, '\x03') + ToString(network::EncodeWireHello(hello)));
  }
  const auto certificate = network::MakeIdentityCertificate(consensus::TestKey(0, 'n'),
                                                            genesis.ChainId(), kIdentityTime);
  corpus.Add("identity_certificate", "validator_0", certificate.certificate_pem);
}

// --- What clients and validators say to each other

void AddRequests(CorpusWriter& corpus) {
  v1::SubmitRequest request;
  request.set_payload("content");
  corpus.Add("submit_request", "without_key", request.SerializeAsString());
  request.set_key("a key");
  corpus.Add("submit_request", "with_key", request.SerializeAsString());

  v1::SubmitBatch batch;
  batch.set_transactions(network::BatchOfOne("", tools::EncodeKvPut("color", "blue")));
  corpus.Add("submit_batch", "one", batch.SerializeAsString());
  consensus::PayloadBuilder builder;
  for (const absl::string_view key : {"", "a key", "a key"}) {
    const std::string put = tools::EncodeKvPut("color", key);
    builder.Add(consensus::Envelope{.key = key, .payload = put});
  }
  builder.Add(consensus::Envelope{.key = "malformed", .payload = "content"});
  batch.set_first_sequence(UINT64_MAX);
  batch.set_transactions(*std::move(builder).Finish());
  corpus.Add("submit_batch", "four", batch.SerializeAsString());

  corpus.Add("kv_operation", "put", tools::EncodeKvPut("color", "blue"));
  corpus.Add("kv_operation", "put_nothing", tools::EncodeKvPut("color", ""));
  corpus.Add("kv_operation", "delete", tools::EncodeKvDelete("color"));
}

crypto::MerkleTree TreeOf(const consensus::Block& block) {
  std::vector<Hash> leaves;
  for (const auto& entry : block.index->entries) leaves.push_back(entry.leaf);
  return crypto::MerkleTree(std::move(leaves));
}

void AddReceipts(CorpusWriter& corpus) {
  Samples& samples = RealSamples();
  const consensus::Block& block = *samples.ledger.at(2);
  const crypto::MerkleTree tree = TreeOf(block);
  for (const uint32_t index : {0, 5}) {
    const Receipt receipt{
        .height = 2,
        .index = index,
        .reply = Reply::Ok("done"),
        .proof = {.block_id = block.id,
                  .inclusion = consensus::ProveInclusion(block, tree, index),
                  .finality = Encode(samples.world.ProofOf(samples.ledger.chain(), 2, 3))}};
    v1::SubmitReply reply;
    // The transactions' last height is far above the window.
    Receipt expired = receipt;
    expired.reply = {Reply::kExpired, ""};
    network::ToProto(expired, &reply);
    corpus.Add("submit_reply", absl::StrCat("index_", index),
               std::string(1, static_cast<char>(index)) + reply.SerializeAsString());
  }
  v1::BlockReply reply;
  reply.set_block(EncodeWithoutPayload(block));
  reply.set_payload(*block.payload);
  reply.set_finality(Encode(samples.world.ProofOf(samples.ledger.chain(), 2, 4)));
  corpus.Add("block_reply", "height_2", reply.SerializeAsString());
}

void AddProofs(CorpusWriter& corpus) {
  const crypto::MerkleTree tree = TreeOf(*CheapSamples().ledger.at(2));
  std::string all;
  for (uint32_t i = 0; i < tree.leaf_count(); ++i) {
    all += std::string(1, static_cast<char>(i)) + AsPart(tree.Prove(i));
  }
  corpus.Add("inclusion_proofs", "all", all);
  corpus.Add("inclusion_proofs", "last", std::string(1, '\x06') + AsPart(tree.Prove(6)));
}

void AddStatus(CorpusWriter& corpus) {
  NodeStatus status;
  status.chain_name = "test-chain";
  status.chain_id = CheapSamples().world.chain_id();
  status.validator_name = "v0";
  status.epoch = 1;
  status.round = 7;
  status.leader = "v1";
  status.committed_height = 4;
  status.executed_height = 4;
  status.head_time = kIdentityTime;
  status.not_ready_reason = "catching up";
  status.peers = {{.name = "v1", .address = "127.0.0.1:26656", .connected = true},
                  {.name = "v2", .last_error = "connection refused"}};
  v1::StatusReply reply;
  network::ToProto(status, &reply);
  corpus.Add("status_reply", "not_ready", reply.SerializeAsString());
}

// --- What is on disk

void AddStorage(CorpusWriter& corpus) {
  const storage::LedgerDriver& ledger = CheapSamples().ledger;
  const consensus::Block& block = *ledger.at(2);
  const auto qc = CheapSamples().world.QcFor(ledger.at(3));
  const storage::BlockResults results = ledger.ResultsAt(2);
  const auto add = [&corpus](absl::string_view name, StorageKind kind, absl::string_view bytes) {
    corpus.Add("storage_record", name,
               absl::StrCat(std::string(1, static_cast<char>(kind)), bytes));
  };
  add("block", StorageKind::kBlock, storage::EncodeBlockRecord(block));
  add("commit", StorageKind::kCommit, storage::EncodeCommitRecord(ledger.at(3)->header, qc));
  add("result_ids", StorageKind::kResultIds, storage::EncodeResultIds(results));
  add("replies", StorageKind::kReplies, storage::EncodeReplies(results.replies));
  add("head", StorageKind::kHead, storage::EncodeHead({.height = {2}, .id = block.id}));

  std::string chain_file;
  const auto output = [&chain_file](absl::string_view bytes) {
    chain_file.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  };
  storage::ChainFileWriter writer(output);
  KILN_CHECK_OK(
      writer.Begin({.chain_id = CheapSamples().world.chain_id(), .first = {1}, .last = {2}}));
  KILN_CHECK_OK(writer.Add(*ledger.at(1)));
  KILN_CHECK_OK(writer.Add(block));
  KILN_CHECK_OK(writer.End({.child = ledger.at(3)->header, .certificate = qc}));
  corpus.Add("chain_file", "two_blocks", chain_file);

  corpus.Add("storage_key", "block", storage::BlockKey({2}, block.id));
  corpus.Add("storage_key", "height", storage::HeightKey({2}));
  const auto add_sealed = [&corpus](absl::string_view name, storage::Family family,
                                    absl::string_view key, const std::string& value) {
    corpus.Add("sealed_value", name,
               absl::StrCat(std::string(1, static_cast<char>(family)), AsPart(key),
                            storage::Seal(family, key, value)));
  };
  add_sealed("head", storage::Family::kMetadata, storage::kCommittedKey,
             storage::EncodeHead({.height = {2}, .id = block.id}));
  add_sealed("empty", storage::Family::kApplicationState, storage::StateKey("key"), "");
}

void AddKeyFiles(CorpusWriter& corpus) {
  constexpr crypto::PassphraseCost kCheap = {.operations = 1, .memory_bytes = 8192};
  const auto add = [&](absl::string_view name, crypto::KeyPurpose purpose, char letter,
                       absl::string_view passphrase) {
    const fs::path path = corpus.PathOf("key_file", name);
    fs::remove(path);
    KILN_CHECK_OK(crypto::WriteKeyFile(path.string(), purpose, consensus::TestKey(0, letter),
                                       passphrase, kCheap));
  };
  add("consensus", crypto::KeyPurpose::kConsensus, 'c', "");
  add("node", crypto::KeyPurpose::kNode, 'n', "");
  add("encrypted", crypto::KeyPurpose::kConsensus, 'c', "a passphrase");
}

// --- What people write

void AddTexts(CorpusWriter& corpus) {
  corpus.Add("genesis_json", "four", CheapSamples().world.genesis().ToJson());
  corpus.Add("genesis_json", "one", consensus::TestGenesis({1}).ToJson());
  corpus.Add("config", "new",
             node::ConfigText({.peer_listen_address = "0.0.0.0:26656",
                               .client_listen_address = "127.0.0.1:26657",
                               .peers = {{.name = "v1", .address = "[::1]:26656"},
                                         {.name = "v2", .address = ""}}}));
  corpus.Add("config", "short",
             "data_dir = '/var/lib/kiln'\nclient_tls = false\nverify_threads = 0x2\n"
             "peers = [{name = \"v1\", address = \"host-1.example:1\"}]\n");
  corpus.Add("import_records", "tabs", "color\tblue\nsize\t\nkey with spaces\tvalue\twith tab\n");
  corpus.Add("import_records", "spaces", "color blue\r\n\r\nsize 1 m");
  for (const absl::string_view address :
       {"localhost:26657", "127.0.0.1:0", "[::1]:65535", "[fe80::1:2]:1", "host-1.example:80"}) {
    corpus.Add("address", absl::StrCat("length_", address.size()), address);
  }
}

int Main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: kiln_fuzz_corpus OUTPUT_DIR\n");
    return 2;
  }
  CorpusWriter corpus(argv[1]);
  AddConsensusValues(corpus);
  AddSafetyRecords(corpus);
  AddPayloads(corpus);
  AddMessages(corpus);
  AddHellos(corpus);
  AddRequests(corpus);
  AddReceipts(corpus);
  AddProofs(corpus);
  AddStatus(corpus);
  AddStorage(corpus);
  AddKeyFiles(corpus);
  AddTexts(corpus);
  return 0;
}

}  // namespace
}  // namespace kiln::fuzz

int main(int argc, char** argv) {
  return kiln::fuzz::Main(argc, argv);
}
