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
            "1be4388b3ec72796a603333b548294d488af20e15cfe7319148bb87a61ddb723");
}

TEST(Golden, QuorumCertificate) {
  EXPECT_EQ(Hex(Encode(SampleQc())),
            absl::StrCat("1100000000000000", "1200000000000000", Repeat("13", 32), "01000000", "05",
                         "0200", Repeat("14", 64), Repeat("15", 64)));
  EXPECT_EQ(Hex(HashOf(SampleQc())),
            "2c89670e61aa618ad294d267cb1b6bf3a323bad64eb5ccc1cd8e0fe6a62d6589");
}

TEST(Golden, TimeoutCertificate) {
  EXPECT_EQ(Hex(Encode(SampleTc())),
            absl::StrCat("2100000000000000", "2200000000000000", "02000000", "0201", "0200",
                         "2300000000000000", "2400000000000000", "0200", Repeat("25", 64),
                         Repeat("26", 64), Hex(Encode(SampleQc()))));
  EXPECT_EQ(Hex(HashOf(SampleTc())),
            "1ba2d723aef03d9425bfe71b71cb84ed19d57062d568cfb32af25273ef43a9bb");
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
            "cc8d537b5bd8fc51250534c4f2012fa80b1f70c62eca0d43c6cd0af3731f30ab");
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
            "074fb6d4d0e4e1b973347e6235c54b3c4c9f2b64af1e38bb14ff0c29167bcca2"
            "5baa679cdfa96b44c8d78ddddee25d078a4083cd59bf55a83241fdab07176407");
  EXPECT_EQ(Hex(world.TimeoutOf({0}, {1}, world.genesis_qc()).signature),
            "4d0bdc9d5189b4a422976a2e0796bb6bc331ed57bb1e973b087ec938386386ef"
            "526443c2afc16cbb2f1677a12000415e3ed1572ad95d6fd26c1652a774a1aa06");
  EXPECT_EQ(Hex(world.ProposalOf(block).signature),
            "8cf6eb6074b5cd6c0dea2da270f2e930eecf66363415c45266f2c58bbf6f666a"
            "a9e95e720983fa7259efb3c87fea5ecd7d73ef95e901dad24a402b8104cecf01");
}

TEST(Golden, Genesis) {
  TestWorld world({5, 1, 1, 1});
  EXPECT_EQ(Hex(world.chain_id()),
            "7b9a524c3f6c928f4a7c999d95738f5a2b804cd496a7f555f6920f3327bf3d2a");
  EXPECT_EQ(Hex(world.validators().hash()),
            "bf3086992856e6f5840f2716e104162787bb804f868ba3eb2bce89a7ef5395c4");
  EXPECT_EQ(Hex(world.genesis_block()->id),
            "5204e17f7ebe9ae3604fcd23af7a66a38856c17c70e39f21cf57238307dcc491");
  EXPECT_EQ(Hex(GenesisState(world.genesis()).Root()),
            "dc9aafbb467700025f046b571b0e09e27f61ccc506f61a8914bc337ffd234c9b");
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
  EXPECT_EQ(Hex(state.Root()), "9e3bf9df08cc11eee74199f39e783106872b9a513857a3169fcce765848ee0fa");
}

TEST(Golden, Transactions) {
  EXPECT_EQ(Hex(TransactionId({.payload = "payload", .key = "key"})),
            "956c2bbbc44a14560cadabfb64dd25dfc32255add8e7ea5ea2eabb6235f31390");
  EXPECT_EQ(Hex(TransactionId({.payload = "payload"})),
            "e0ad3ef5d8bf4e47fa7a93120069a23dff09c719e13992019943164f80dea638");
  const SharedBytes payload = PayloadOf({"one", "two", "three"}, 7);
  EXPECT_EQ(Hex(*payload), absl::StrCat("03000000", "0c000000", "0700000000000000", "00", "6f6e65",
                                        "0c000000", "0700000000000000", "00", "74776f", "0e000000",
                                        "0700000000000000", "00", "7468726565"));
  EXPECT_EQ(Hex((*IndexPayload(*payload, {}))->root),
            "d356c393053f178026acd1ad9108ac3f80f06e477e9f16e543060aa73206fdfc");
  EXPECT_EQ(Hex(EmptyPayloadIndex()->root),
            "973eaf132d9db6d999d1f534f17fd04e5cf561c017e95c62535cde94e726aba5");
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
            "e937b1e7a8f40d6f672a5031f1f4ef9d0b706332983ebd4ca6ec8ba4c67c777c")
      << "the proof of block 1 by block 2, with its certificate's signatures";
}

}  // namespace
}  // namespace kiln::consensus
