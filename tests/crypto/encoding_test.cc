#include "crypto/encoding.h"

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln::crypto {
namespace {

using ::testing::HasSubstr;

std::string Everything() {
  Encoder encoder;
  encoder.U8(0xA1).U16(0xB2B1).U32(0xC4C3C2C1).U64(0xD8D7D6D5D4D3D2D1);
  encoder.Raw("raw").Bytes("bytes").U8(1).Array(std::array<uint8_t, 2>{7, 8});
  encoder.Digest(Hash{{0xEE}});
  return std::move(encoder).Take();
}

TEST(Encoder, WritesLittleEndianAndLengthPrefixes) {
  EXPECT_EQ(absl::BytesToHexString(Everything()),
            "a1b1b2c1c2c3c4d1d2d3d4d5d6d7d872617705000000627974657301"
            "0708ee00000000000000000000000000000000000000000000000000000000000000");
}

// The encoder keeps what is short elsewhere than what is long.
TEST(Encoder, WritesTheSameBytesAtEveryLength) {
  for (const size_t reserved : {0, 100, 5000}) {
    for (size_t length = 0; length < 1000; ++length) {
      Encoder encoder;
      encoder.Reserve(reserved);
      std::string expected;
      for (size_t i = 0; i < length; ++i) {
        encoder.U8(static_cast<uint8_t>(i));
        expected.push_back(static_cast<char>(i));
      }
      encoder.Raw("rest").Raw("");
      ASSERT_EQ(encoder.view(), expected + "rest") << length << " bytes, reserved " << reserved;
      ASSERT_EQ(std::move(encoder).Take(), expected + "rest");
    }
  }
}

void ReadEverything(Decoder& decoder) {
  EXPECT_EQ(decoder.U8(), 0xA1);
  EXPECT_EQ(decoder.U16(), 0xB2B1);
  EXPECT_EQ(decoder.U32(), 0xC4C3C2C1);
  EXPECT_EQ(decoder.U64(), 0xD8D7D6D5D4D3D2D1);
  EXPECT_EQ(decoder.Raw(3), "raw");
  EXPECT_EQ(decoder.Bytes(5), "bytes");
  EXPECT_TRUE(decoder.Bool());
  EXPECT_EQ(decoder.Array<2>(), (std::array<uint8_t, 2>{7, 8}));
  EXPECT_EQ(decoder.Digest(), (Hash{{0xEE}}));
}

TEST(Decoder, ReadsBackWhatTheEncoderWrote) {
  const std::string bytes = Everything();
  Decoder decoder("thing", bytes);
  ReadEverything(decoder);
  EXPECT_EQ(decoder.remaining(), 0u);
  EXPECT_TRUE(decoder.Finish().ok());
}

TEST(Decoder, RefusesEveryTruncation) {
  const std::string bytes = Everything();
  for (size_t length = 0; length < bytes.size(); ++length) {
    Decoder decoder("thing", absl::string_view(bytes).substr(0, length));
    decoder.U8(), decoder.U16(), decoder.U32(), decoder.U64(), decoder.Raw(3), decoder.Bytes(5);
    decoder.Bool(), decoder.Array<2>(), decoder.Digest();
    EXPECT_EQ(decoder.Finish().code(), absl::StatusCode::kInvalidArgument) << length;
    EXPECT_THAT(std::string(decoder.status().message()), HasSubstr("bytes missing"));
  }
}

TEST(Decoder, NamesTheThingAndTheMissingBytes) {
  Decoder decoder("vote", "ab");
  EXPECT_EQ(decoder.U32(), 0u);
  EXPECT_EQ(decoder.status(), absl::InvalidArgumentError("vote: 2 bytes missing"));
}

TEST(Decoder, RefusesWhatIsLeftOver) {
  Decoder decoder("vote", "abc");
  decoder.U8();
  EXPECT_TRUE(decoder.ok());
  EXPECT_EQ(decoder.Finish(), absl::InvalidArgumentError("vote: 2 bytes left over"));
}

TEST(Decoder, ReadsNothingMoreAfterTheFirstError) {
  Decoder decoder("vote", "\x09\x01\x01\x01\x01\x01\x01\x01\x01\x01");
  EXPECT_FALSE(decoder.Bool());
  EXPECT_EQ(decoder.U8(), 0);
  EXPECT_EQ(decoder.U64(), 0u);
  EXPECT_EQ(decoder.Raw(1), "");
  EXPECT_TRUE(decoder.Digest().IsZero());
  EXPECT_EQ(decoder.remaining(), 0u);
  EXPECT_EQ(decoder.Finish(), absl::InvalidArgumentError("vote: a flag is 9, neither 0 nor 1"));
}

TEST(Decoder, ReadsOnlyZeroAndOneAsFlags) {
  for (int value = 0; value < 256; ++value) {
    const char byte = static_cast<char>(value);
    Decoder decoder("flag", absl::string_view(&byte, 1));
    EXPECT_EQ(decoder.Bool(), value == 1);
    EXPECT_EQ(decoder.ok(), value <= 1) << value;
  }
}

TEST(Decoder, RefusesAFieldAboveItsBoundBeforeLookingForItsBytes) {
  Encoder encoder;
  encoder.U32(std::numeric_limits<uint32_t>::max()).Raw("xx");
  Decoder decoder("payload", encoder.view());
  EXPECT_EQ(decoder.Bytes(10), "");
  EXPECT_EQ(decoder.status(), absl::InvalidArgumentError(
                                  "payload: a field of 4294967295 bytes, above the limit of 10"));
}

TEST(Decoder, KeepsTheFirstErrorOnly) {
  Decoder decoder("vote", "abc");
  decoder.Fail("round is zero");
  decoder.Fail("something else");
  EXPECT_EQ(decoder.Finish(), absl::InvalidArgumentError("vote: round is zero"));
}

}  // namespace
}  // namespace kiln::crypto
