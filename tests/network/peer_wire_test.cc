#include "network/peer_wire.h"

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kiln/v1/peer.pb.h"
#include "tests/network/peer_test_cluster.h"

namespace kiln::network {
namespace {

constexpr size_t kBytesMax = 1 << 20;

grpc::ByteBuffer Wire(const std::string& bytes, size_t slice_bytes = SIZE_MAX) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < bytes.size(); at += std::min(slice_bytes, bytes.size() - at)) {
    slices.emplace_back(bytes.substr(at, slice_bytes));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::string BytesOf(const grpc::ByteBuffer& wire) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(wire.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

FramePtr FrameOf(FrameKind kind, size_t body, size_t payload) {
  return std::make_shared<const Frame>(
      Frame{kind, std::string(body, 'b'),
            payload == 0 ? nullptr : std::make_shared<const std::string>(payload, 'p')});
}

std::string Cause(const std::string& bytes) {
  const auto frame = DecodeWireFrame(Wire(bytes), kBytesMax);
  return frame.ok() ? "" : std::string(frame.status().message());
}

TEST(PeerWire, WritesWhatProtocolBuffersRead) {
  for (const size_t body : {0, 1, 127, 128, 5000, 300000}) {
    for (const size_t payload : {0, 1, 1024, 1025, 70000}) {
      const FramePtr frame = FrameOf(FrameKind::kProposal, body, payload);
      v1::Frame message;
      ASSERT_TRUE(message.ParseFromString(BytesOf(EncodeWireFrame(frame))));
      EXPECT_EQ(message.kind(), static_cast<uint32_t>(frame->kind));
      EXPECT_EQ(message.body(), frame->body);
      EXPECT_EQ(message.payload().size(), payload);
      EXPECT_FALSE(message.has_hello());
    }
  }
}

TEST(PeerWire, ReadsWhatProtocolBuffersWriteHoweverItIsSliced) {
  v1::Frame message;
  message.set_kind(static_cast<uint32_t>(FrameKind::kTransactions));
  message.set_body(std::string(300, 'b'));
  message.set_payload(std::string(2000, 'p'));
  for (const size_t slice : {size_t{1}, size_t{2}, size_t{3}, size_t{100}, SIZE_MAX}) {
    const auto frame = DecodeWireFrame(Wire(message.SerializeAsString(), slice), kBytesMax);
    ASSERT_TRUE(frame.ok()) << frame.status();
    EXPECT_EQ(frame->kind, FrameKind::kTransactions);
    EXPECT_EQ(frame->body, message.body());
    EXPECT_EQ(*frame->payload, message.payload());
  }
}

TEST(PeerWire, KeepsTheFrameAliveWhileItsBytesAreShared) {
  FramePtr frame = FrameOf(FrameKind::kProposal, 10, 1 << 16);
  const std::weak_ptr<const Frame> watch = frame;
  {
    const grpc::ByteBuffer wire = EncodeWireFrame(frame);
    frame.reset();
    EXPECT_FALSE(watch.expired());
    EXPECT_TRUE(DecodeWireFrame(wire, kBytesMax).ok());
  }
  EXPECT_TRUE(watch.expired());
}

TEST(PeerWire, RefusesWhatIsNoFrame) {
  EXPECT_EQ(Cause(""), "frame: without a kind");
  EXPECT_EQ(Cause(std::string("\x08\x00", 2)), "frame: without a kind");
  EXPECT_EQ(Cause("\x08\x0e"), "frame: unknown kind 14");
  EXPECT_EQ(Cause("\x08\xff"), "frame: unknown kind 255");
  EXPECT_EQ(Cause("\x08"), "frame: cut short");
  EXPECT_EQ(Cause("\x08\x02\x08\x02"), "frame: a repeated field");
  EXPECT_EQ(Cause("\x08\x02\x12\x01x\x12\x01x"), "frame: a repeated field");
  EXPECT_EQ(Cause("\x08\x02\x12\x05xyz"), "frame: cut short");
  EXPECT_EQ(Cause("\x08\x02\x12"), "frame: cut short");
  EXPECT_EQ(Cause("\x08\x02\x12\xff\xff\xff\xff\x0fx"), "frame: cut short");
  EXPECT_EQ(Cause("\x08\x02\x12\xff\xff\xff\xff\xff\xff\x01x"),
            "frame: a length of more than five bytes");
  EXPECT_EQ(Cause("\x08\x02\x2a\x01x"), "frame: an unknown field");
  EXPECT_EQ(Cause("\x08\x02\x80\x01\x01"), "frame: an unknown field");
  EXPECT_EQ(Cause("\x0d\x02\x01\x01\x01"), "frame: an unknown field");  // kind, fixed32
}

TEST(PeerWire, RefusesMoreThanTheBoundBeforeItAllocates) {
  const FramePtr frame = FrameOf(FrameKind::kBlocks, 1000, 0);
  EXPECT_TRUE(DecodeWireFrame(EncodeWireFrame(frame), 1000).ok());
  EXPECT_FALSE(DecodeWireFrame(EncodeWireFrame(frame), 999).ok());
  EXPECT_FALSE(DecodeWireFrame(EncodeWireFrame(frame), 100).ok());
}

TEST(PeerWire, CarriesAHello) {
  const Hello hello{7, TestChainId(3), TestNodeKey(5).public_key(), ValidatorIndex{11}};
  const auto read = DecodeWireHello(EncodeWireHello(hello));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->protocol_version, 7u);
  EXPECT_EQ(read->chain_id, hello.chain_id);
  EXPECT_EQ(read->node_key, hello.node_key);
  EXPECT_EQ(read->index, hello.index);
}

TEST(PeerWire, RefusesAHelloThatIsMalformedOrNotAlone) {
  const std::string good =
      BytesOf(EncodeWireHello({1, TestChainId(), TestNodeKey(1).public_key(), {1}}));
  v1::Frame message;
  ASSERT_TRUE(message.ParseFromString(good));
  EXPECT_TRUE(DecodeWireHello(Wire(message.SerializeAsString())).ok());

  v1::Frame with_body = message;
  with_body.set_body("x");
  EXPECT_FALSE(DecodeWireHello(Wire(with_body.SerializeAsString())).ok());
  v1::Frame short_key = message;
  short_key.mutable_hello()->set_node_key("short");
  EXPECT_FALSE(DecodeWireHello(Wire(short_key.SerializeAsString())).ok());
  v1::Frame long_chain = message;
  long_chain.mutable_hello()->set_chain_id(std::string(33, 'c'));
  EXPECT_FALSE(DecodeWireHello(Wire(long_chain.SerializeAsString())).ok());
  v1::Frame unknown = message;
  unknown.mutable_hello()
      ->GetReflection()
      ->MutableUnknownFields(unknown.mutable_hello())
      ->AddVarint(9, 1);
  EXPECT_FALSE(DecodeWireHello(Wire(unknown.SerializeAsString())).ok());
  EXPECT_FALSE(DecodeWireHello(Wire(std::string(kHelloBytesMax + 1, '\0'))).ok());
  EXPECT_FALSE(DecodeWireHello(EncodeWireFrame(TestFrame("x"))).ok());
  EXPECT_FALSE(DecodeWireHello(Wire("")).ok());
}

TEST(PeerWire, NeverCrashesOnMutatedBytes) {
  std::mt19937_64 chance(1);  // the same in every run
  const std::string frame = BytesOf(EncodeWireFrame(FrameOf(FrameKind::kProposal, 200, 300)));
  const std::string hello =
      BytesOf(EncodeWireHello({1, TestChainId(), TestNodeKey(1).public_key(), {1}}));
  size_t refused = 0;
  for (int i = 0; i < 50000; ++i) {
    std::string bytes = (i % 2 == 0) ? frame : hello;
    for (uint64_t n = chance() % 4 + 1; n > 0; --n) {
      bytes[chance() % bytes.size()] = static_cast<char>(chance());
    }
    if (chance() % 4 == 0) bytes.resize(chance() % bytes.size());
    const grpc::ByteBuffer wire = Wire(bytes, chance() % 64 + 1);
    if (!DecodeWireFrame(wire, kBytesMax).ok()) ++refused;
    if (!DecodeWireHello(wire).ok()) ++refused;
  }
  EXPECT_GT(refused, 50000u);  // nothing is both
}

}  // namespace
}  // namespace kiln::network
