// A small chain with fixed keys for tests: everything that validators could sign, made on demand.
#ifndef KILN_TESTS_CONSENSUS_TEST_WORLD_H_
#define KILN_TESTS_CONSENSUS_TEST_WORLD_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/codec.h"
#include "consensus/executed_state.h"
#include "consensus/finality.h"
#include "consensus/leader_election.h"
#include "consensus/messages.h"
#include "consensus/payload.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "consensus/verifier.h"
#include "crypto/ed25519.h"
#include "crypto/hash.h"
#include "kiln/genesis.h"

namespace kiln::consensus {

// The secret key of validator `index` for `purpose` ('c' consensus, 'n' node): the same in every
// run.
inline crypto::SecretKey TestKey(uint32_t index, char purpose) {
  crypto::Seed seed{};
  seed[0] = static_cast<uint8_t>(index);
  seed[1] = static_cast<uint8_t>(index >> 8);
  seed[31] = static_cast<uint8_t>(purpose);
  return crypto::SecretKey::FromSeed(seed);
}

// Signatures that anybody can make, two hundred times cheaper than real ones: for long random runs
// whose liars do not forge.
class CheapSigner final : public Signer {
 public:
  explicit CheapSigner(const crypto::PublicKey& key) : key_(key) {}
  crypto::Signature Sign(absl::string_view message) override { return SignatureOf(key_, message); }
  static crypto::Signature SignatureOf(const crypto::PublicKey& key, absl::string_view message) {
    crypto::Hasher hasher(crypto::kDomainChecksum);
    hasher.Update({reinterpret_cast<const char*>(key.data()), key.size()}).Update(message);
    const Hash hash = hasher.Finish();
    crypto::Signature signature{};
    std::copy(hash.bytes.begin(), hash.bytes.end(), signature.begin());
    return signature;
  }

 private:
  const crypto::PublicKey key_;
};

class CheapVerifier final : public SignatureVerifier {
 public:
  bool Verify(const crypto::PublicKey& key, absl::string_view message,
              const crypto::Signature& signature) const override {
    return signature == CheapSigner::SignatureOf(key, message);
  }
};

enum class Signatures { kReal, kCheap };

// Validators "v0", "v1", ... with these powers.
inline Genesis TestGenesis(const std::vector<uint64_t>& powers, ChainLimits limits = {}) {
  Genesis genesis{.chain_name = "test-chain", .time_us = 1'700'000'000'000'000, .limits = limits};
  for (uint32_t i = 0; i < powers.size(); ++i) {
    genesis.validators.push_back({.name = absl::StrCat("v", i),
                                  .consensus_key = TestKey(i, 'c').public_key(),
                                  .node_key = TestKey(i, 'n').public_key(),
                                  .power = powers[i]});
  }
  return genesis;
}

// A payload of these application payloads, each as an envelope with `last_height` and no key.
inline SharedBytes PayloadOf(const std::vector<std::string>& transactions,
                             uint64_t last_height = 1000) {
  PayloadBuilder builder;
  for (const std::string& transaction : transactions) {
    builder.Add(Envelope{.last_height = last_height, .payload = transaction});
  }
  return std::move(builder).Finish();
}

// What a test may want to be different in a block; the rest is what an honest leader would say.
struct BlockOptions {
  std::vector<std::string> transactions;
  std::optional<Height> executed_height;   // default: 0
  std::optional<Hash> state_root;          // default: the genesis state's
  std::optional<uint64_t> time_us;         // default: 1 ms after the parent
  std::optional<ValidatorIndex> proposer;  // default: the round's leader
};

// All validators' keys in one place, and what follows from them. Rounds, heights and indices are
// given as {5}. Not thread-safe.
class TestWorld {
 public:
  explicit TestWorld(const std::vector<uint64_t>& powers = {1, 1, 1, 1}, ChainLimits limits = {},
                     Signatures kind = Signatures::kReal)
      : genesis_(TestGenesis(powers, limits)),
        validators_(MakeSet(genesis_)),
        leaders_(validators_),
        signatures_(MakeVerifier(kind)),
        verifier_(genesis_, &validators_, &leaders_, Epoch{1}, signatures_.get()),
        genesis_block_(GenesisBlock(genesis_)) {
    for (uint32_t i = 0; i < powers.size(); ++i) {
      signers_.push_back(MakeSigner(i, kind));
    }
  }

  const Genesis& genesis() const { return genesis_; }
  const ValidatorSet& validators() const { return validators_; }
  const LeaderElection& leaders() const { return leaders_; }
  ValidatorIndex LeaderOf(Round round) const { return leaders_.LeaderOf(round); }
  Hash chain_id() const { return genesis_block_->header.chain_id; }
  Signer& signer(ValidatorIndex index) { return *signers_.at(index.value); }
  // For a component that owns its signer.
  std::unique_ptr<Signer> NewSigner(ValidatorIndex index) const {
    return std::make_unique<Ed25519Signer>(TestKey(index.value, 'c'));
  }
  const SignatureVerifier& signatures() const { return *signatures_; }
  MessageVerifier& verifier() { return verifier_; }

  const BlockPtr& genesis_block() const { return genesis_block_; }
  QuorumCertificate genesis_qc() const { return GenesisCertificate(genesis_); }

  // The first validators of the set that make a quorum.
  std::vector<ValidatorIndex> Quorum() const {
    std::vector<ValidatorIndex> members;
    uint64_t power = 0;
    for (uint32_t i = 0; !validators_.IsQuorum(power); ++i) {
      members.push_back({i});
      power += validators_.PowerOf({i});
    }
    return members;
  }

  // A block of `round` on `parent`, justified by `justify`, which should be a certificate for it.
  BlockPtr BlockOn(const BlockPtr& parent, QuorumCertificate justify, Round round,
                   const BlockOptions& options = {}) const {
    const SharedBytes payload = PayloadOf(options.transactions);
    auto index = IndexPayload(*payload, genesis_.limits);
    KILN_CHECK_OK(index.status());
    Header header;
    header.chain_id = chain_id();
    header.epoch = {1};
    header.round = round;
    header.height = {parent->header.height.value + 1};
    header.parent_id = parent->id;
    header.parent_round = parent->header.round;
    header.executed_height = options.executed_height.value_or(Height{0});
    header.state_root = options.state_root.value_or(GenesisState(genesis_).Root());
    header.time_us = options.time_us.value_or(parent->header.time_us + 1000);
    header.proposer = options.proposer.value_or(LeaderOf(round));
    return MakeBlock(header, std::move(justify), payload, *std::move(index));
  }
  // The same, justified by a quorum's certificate for the parent.
  BlockPtr Child(const BlockPtr& parent, Round round, const BlockOptions& options = {}) {
    return BlockOn(parent, QcFor(parent), round, options);
  }

  // Genesis, then one block a round, from round 1 on.
  std::vector<BlockPtr> Chain(size_t length) {
    std::vector<BlockPtr> chain = {genesis_block_};
    for (uint64_t round = 1; round <= length; ++round) {
      chain.push_back(Child(chain.back(), Round{round}));
    }
    return chain;
  }

  Vote VoteFor(const BlockPtr& block, ValidatorIndex author) {
    const Header& header = block->header;
    const std::string bytes = VoteBytes(chain_id(), header.epoch, header.round, block->id);
    return {header.epoch, header.round, block->id, author, signer(author).Sign(bytes)};
  }

  // By a quorum; the genesis block's is the genesis certificate.
  QuorumCertificate QcFor(const BlockPtr& block) { return QcFor(block, Quorum()); }
  QuorumCertificate QcFor(const BlockPtr& block, std::vector<ValidatorIndex> by) {
    if (block->header.round.value == 0) return genesis_qc();
    std::sort(by.begin(), by.end());
    QuorumCertificate qc{
        block->header.epoch, block->header.round, block->id, SignerBitmap(validators_.size()), {}};
    for (const ValidatorIndex author : by) {
      qc.signers.Add(author);
      qc.signatures.push_back(VoteFor(block, author).signature);
    }
    return qc;
  }

  Timeout TimeoutOf(ValidatorIndex author, Round round, QuorumCertificate high_qc,
                    std::optional<TimeoutCertificate> last_tc = std::nullopt) {
    const std::string bytes = TimeoutBytes(chain_id(), {1}, round, high_qc.round);
    return {{1}, round, author, std::move(high_qc), std::move(last_tc), signer(author).Sign(bytes)};
  }

  // Every signer reports the same QC.
  TimeoutCertificate TcFor(Round round, const QuorumCertificate& high_qc) {
    return TcFor(round, high_qc, Quorum());
  }
  TimeoutCertificate TcFor(Round round, const QuorumCertificate& high_qc,
                           const std::vector<ValidatorIndex>& by) {
    return TcFor(round, high_qc, by, std::vector<Round>(by.size(), high_qc.round));
  }
  // Signer by[i] reports a QC of round reported[i]. REQUIRES: `by` ascends.
  TimeoutCertificate TcFor(Round round, const QuorumCertificate& high_qc,
                           const std::vector<ValidatorIndex>& by,
                           const std::vector<Round>& reported) {
    TimeoutCertificate tc{{1}, round, SignerBitmap(validators_.size()), reported, {}, high_qc};
    for (size_t i = 0; i < by.size(); ++i) {
      tc.signers.Add(by[i]);
      const std::string bytes = TimeoutBytes(chain_id(), {1}, round, reported[i]);
      tc.signatures.push_back(signer(by[i]).Sign(bytes));
    }
    return tc;
  }

  // Signed by the block's proposer.
  Proposal ProposalOf(const BlockPtr& block, std::optional<TimeoutCertificate> tc = std::nullopt) {
    const Header& header = block->header;
    const std::string bytes = ProposalBytes(chain_id(), header.epoch, header.round, block->id);
    return {block, std::move(tc), signer(header.proposer).Sign(bytes)};
  }

  // Headers from chain[first] to chain[last], and a quorum's certificate for the last.
  FinalityProof ProofOf(const std::vector<BlockPtr>& chain, size_t first, size_t last) {
    FinalityProof proof;
    for (size_t i = first; i <= last; ++i) proof.headers.push_back(chain[i]->header);
    proof.certificate = QcFor(chain[last]);
    return proof;
  }

  // As it would come out of the verification pool. REQUIRES: the message is valid.
  VerifiedMessage Verified(ValidatorIndex from, Message message) {
    absl::StatusOr<VerifiedMessage> verified = verifier_.Verify(from, std::move(message));
    KILN_CHECK_OK(verified.status());
    return *std::move(verified);
  }

 private:
  static ValidatorSet MakeSet(const Genesis& genesis) {
    absl::StatusOr<ValidatorSet> set = ValidatorSet::FromGenesis(genesis);
    KILN_CHECK_OK(set.status());
    return *std::move(set);
  }
  static std::unique_ptr<Signer> MakeSigner(uint32_t index, Signatures kind) {
    if (kind == Signatures::kReal) return std::make_unique<Ed25519Signer>(TestKey(index, 'c'));
    return std::make_unique<CheapSigner>(TestKey(index, 'c').public_key());
  }
  static std::unique_ptr<SignatureVerifier> MakeVerifier(Signatures kind) {
    if (kind == Signatures::kReal) return std::make_unique<Ed25519Verifier>();
    return std::make_unique<CheapVerifier>();
  }

  const Genesis genesis_;
  const ValidatorSet validators_;
  const LeaderElection leaders_;
  const std::unique_ptr<const SignatureVerifier> signatures_;
  MessageVerifier verifier_;
  const BlockPtr genesis_block_;
  std::vector<std::unique_ptr<Signer>> signers_;
};

}  // namespace kiln::consensus

#endif  // KILN_TESTS_CONSENSUS_TEST_WORLD_H_
