// Golden vectors of everything that is hashed or signed. A change here makes a chain that no other
// validator can follow: change one only together with the "v1" in its domain.
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "consensus/executed_state.h"
#include "consensus/receipt.h"
#include "consensus/signing.h"
#include "crypto/hash.h"
#include "kiln/client.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

std::string Hex(absl::string_view bytes) {
  return absl::BytesToHexString(bytes);
}
std::string Hex(const crypto::Signature& signature) {
  return Hex({reinterpret_cast<const char*>(signature.data()), signature.size()});
}
std::string Hex(const Hash& hash) {
  return hash.ToHex();
}

// The same byte, so that a vector can be read field by field.
std::string Repeat(absl::string_view hex_byte, size_t count) {
  std::string hex;
  for (size_t i = 0; i < count; ++i) absl::StrAppend(&hex, hex_byte);
  return hex;
}

Hash Filled(uint8_t byte) {
  Hash hash;
  hash.bytes.fill(byte);
  return hash;
}

// No field equals another, so that none can be exchanged unnoticed.
Header SampleHeader() {
  return {.chain_id = Filled(0x01),
          .epoch = {0x0202},
          .round = {0x0303},
          .height = {0x0404},
          .parent_id = Filled(0x05),
          .parent_round = {0x0606},
          .justify_hash = Filled(0x07),
          .payload_root = Filled(0x08),
          .executed_height = {0x0909},
          .state_root = Filled(0x0A),
          .time_us = 0x0B0B,
          .proposer = {0x0C0C},
          .epoch_end = true};
}

QuorumCertificate SampleQc() {
  QuorumCertificate qc{{0x11}, {0x12}, Filled(0x13), SignerBitmap(4), {{}, {}}};
  qc.signers.Add({0});
  qc.signers.Add({2});
  qc.signatures[0].fill(0x14);
  qc.signatures[1].fill(0x15);
  return qc;
}

TimeoutCertificate SampleTc() {
  TimeoutCertificate tc{{0x21}, {0x22}, SignerBitmap(9), {{0x23}, {0x24}}, {{}, {}}, SampleQc()};
  tc.signers.Add({1});
  tc.signers.Add({8});
  tc.signatures[0].fill(0x25);
  tc.signatures[1].fill(0x26);
  return tc;
}

TEST(Golden, Header) {
  EXPECT_EQ(Encode(SampleHeader()).size(), kHeaderBytes);
  EXPECT_EQ(
      Hex(Encode(SampleHeader())),
      absl::StrCat(Repeat("01", 32), "0202000000000000", "0303000000000000", "0404000000000000",
                   Repeat("05", 32), "0606000000000000", Repeat("07", 32), Repeat("08", 32),
                   "0909000000000000", Repeat("0a", 32), "0b0b000000000000", "0c0c0000", "01"));
  EXPECT_EQ(Hex(HashOf(SampleHeader())),
            "486bac11111776ea611f37c5e400790c793e56e50bebb5305b7883840921d8f5");
}

TEST(Golden, QuorumCertificate) {
  EXPECT_EQ(Hex(Encode(SampleQc())),
            absl::StrCat("1100000000000000", "1200000000000000", Repeat("13", 32), "01000000", "05",
                         "0200", Repeat("14", 64), Repeat("15", 64)));
  EXPECT_EQ(Hex(HashOf(SampleQc())),
            "70039032a2f6db3c54ab9e2e1a99b0740e697ee43621a7dc78fee892f8b9c74f");
}

TEST(Golden, TimeoutCertificate) {
  EXPECT_EQ(Hex(Encode(SampleTc())),
            absl::StrCat("2100000000000000", "2200000000000000", "02000000", "0201", "0200",
                         "2300000000000000", "2400000000000000", "0200", Repeat("25", 64),
                         Repeat("26", 64), Hex(Encode(SampleQc()))));
  EXPECT_EQ(Hex(HashOf(SampleTc())),
            "429ae625bd95caa7a04baad86c7bc1afac7ad6c04a1e2692a72666f2647be972");
}

TEST(Golden, Standing) {
  Standing standing{.epoch = {0x31},
                    .author = {0x32},
                    .asker = {0x33},
                    .nonce = Filled(0x34),
                    .last_voted_round = {0x35},
                    .high_qc = SampleQc(),
                    .last_tc = SampleTc()};
  standing.signature.fill(0x36);
  EXPECT_EQ(
      Hex(Encode(standing)),
      absl::StrCat("3100000000000000", "32000000", "33000000", Repeat("34", 32), "3500000000000000",
                   Hex(Encode(SampleQc())), "01", Hex(Encode(SampleTc())), Repeat("36", 64)));
  EXPECT_EQ(Hex(HashWithoutSignature(standing)),
            "4903020dc33550c63377913c28f9f45595d6f5f705e4c453a7c5376c23cc3ddb");
  EXPECT_EQ(Hex(StandingBytes(Filled(0x01), standing)),
            absl::StrCat("106b696c6e2f76312f7374616e64696e67", Repeat("01", 32), "3100000000000000",
                         "2300000000000000",  // the TC's round and one
                         Hex(HashWithoutSignature(standing))));
  EXPECT_EQ(Hex(Encode(StandingRequest{.nonce = Filled(0x34)})), Repeat("34", 32));
}

TEST(Golden, SignedBytes) {
  EXPECT_EQ(Hex(VoteBytes(Filled(0x01), {0x02}, {0x03}, Filled(0x04))),
            absl::StrCat("0c6b696c6e2f76312f766f7465", Repeat("01", 32), "0200000000000000",
                         "0300000000000000", Repeat("04", 32)));
  EXPECT_EQ(Hex(TimeoutBytes(Filled(0x01), {0x02}, {0x03}, {0x04})),
            absl::StrCat("0f6b696c6e2f76312f74696d656f7574", Repeat("01", 32), "0200000000000000",
                         "0300000000000000", "0400000000000000"));
  EXPECT_EQ(Hex(ProposalBytes(Filled(0x01), {0x02}, {0x03}, Filled(0x04))),
            absl::StrCat("106b696c6e2f76312f70726f706f73616c", Repeat("01", 32), "0200000000000000",
                         "0300000000000000", Repeat("04", 32)));
}

TEST(Golden, Signatures) {
  TestWorld world;
  const BlockPtr block = world.Child(world.genesis_block(), {1});
  EXPECT_EQ(Hex(world.VoteFor(block, {0}).signature),
            "e8969906f0570e93d599be85d169fc7b45a205ba1d07c4e78c3359c5ee5571b8"
            "fd55ac11e5a9c40b1fb6b9332e880234f65170b4a6073065651555e2ef88af03");
  EXPECT_EQ(Hex(world.TimeoutOf({0}, {1}, world.genesis_qc()).signature),
            "f2f5a644a079a3c9e842ea60fa2c43f7d0351e170b8b94620cfeb3269e48d177"
            "3f5437af6395325e025468e4fa1143b6e9ba825f8c35af423d6315a444309c09");
  EXPECT_EQ(Hex(world.ProposalOf(block).signature),
            "a4bc76f0a5808bd153c442a952388b4dadec37210593aa2929f33d789f9499c6"
            "962a237e68d678365b2d44172d83a20fe0747b886abdabb53a549fecbdb81904");
}

TEST(Golden, Genesis) {
  TestWorld world({5, 1, 1, 1});
  EXPECT_EQ(Hex(world.chain_id()),
            "1e384b67ae7c97cbcda52598a978f61194067b8950d186481d7ed8dba5bc54eb");
  EXPECT_EQ(Hex(world.validators().hash()),
            "ac78cab1b007debb2362b52aeca784ab986342e5255aa2677f99cd5499ff3762");
  EXPECT_EQ(Hex(world.genesis_block()->id),
            "c57ed40ed8d33a8fdd00630e68787aaf5e223c767138e53c0752616ca580522c");
  EXPECT_EQ(Hex(GenesisState(world.genesis()).Root()),
            "e2740e221150c6bcbb027bc2047354cebe34b468d9ac60496d2a5a2afa260fc3");
}

TEST(Golden, ExecutedState) {
  const ExecutedState state{.height = {0x31},
                            .time_us = 0x32,
                            .epoch = {0x33},
                            .application_root = Filled(0x34),
                            .channels_root = Filled(0x35),
                            .channels_count = 0x36,
                            .next_validators_hash = Filled(0x37),
                            .snapshot_height = {0x38},
                            .snapshot_root = Filled(0x39)};
  EXPECT_EQ(Hex(Encode(state)),
            absl::StrCat("3100000000000000", "3200000000000000", "3300000000000000",
                         Repeat("34", 32), Repeat("35", 32), "3600000000000000", Repeat("37", 32),
                         "3800000000000000", Repeat("39", 32)));
  EXPECT_EQ(Hex(state.Root()), "ed61d7e608517cd91616b7c32d01d26fb79e8f5397235e646330245a956b47ac");
}

TEST(Golden, Transactions) {
  EXPECT_EQ(Hex(TransactionId({.payload = "payload", .key = "key"})),
            "248ce3d55fc93e37a443d4bae25211bfdc28801ecae532a0582e1b19888eb697");
  EXPECT_EQ(Hex(TransactionId({.payload = "payload"})),
            "2ce09debddb0e62b81d7107c17483d8ccc8e88a59cd1f7c8ad1cdc44569a484b");
  const SharedBytes payload = PayloadOf({"one", "two", "three"}, 7);
  EXPECT_EQ(Hex(*payload), absl::StrCat("03000000", "0c000000", "0700000000000000", "00", "6f6e65",
                                        "0c000000", "0700000000000000", "00", "74776f", "0e000000",
                                        "0700000000000000", "00", "7468726565"));
  EXPECT_EQ(Hex((*IndexPayload(*payload, {}))->root),
            "b60b3b98c4af8a54db12133c805046ce9f12afb2c47be6ef165945ab790272cb");
  EXPECT_EQ(Hex(EmptyPayloadIndex()->root),
            "130b057613155e237bf80a634d3ba96196f82d781300d8809874bb558905f6b3");
}

TEST(Golden, Proofs) {
  FinalityProof proof;
  proof.headers = {SampleHeader(), SampleHeader()};
  proof.certificate = SampleQc();
  EXPECT_EQ(Hex(Encode(proof)), absl::StrCat("0200", Hex(Encode(SampleHeader())),
                                             Hex(Encode(SampleHeader())), Hex(Encode(SampleQc()))));
  EXPECT_EQ(Hex(EncodeInclusion(0x4142, "merkle")), "42410000000000006d65726b6c65");

  TestWorld world;
  const std::string real = Encode(world.ProofOf(world.Chain(2), 1, 2));
  EXPECT_EQ(Hex(crypto::HashBytes("test/finality-proof", real)),
            "a75144a06637eb57392c6c96833fd6b1c89c16fad91cee1258715dcd1d7a5766")
      << "the proof of block 1 by block 2, with its certificate's signatures";
}

}  // namespace
}  // namespace kiln::consensus
