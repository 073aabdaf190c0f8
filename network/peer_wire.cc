#include "network/peer_wire.h"

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "kiln/v1/peer.pb.h"

namespace kiln::network {
namespace {

// Field numbers and wire types of kiln.v1.Frame; each tag is one byte.
constexpr uint8_t kTagKind = 1 << 3;
constexpr uint8_t kTagBody = 2 << 3 | 2;
constexpr uint8_t kTagPayload = 3 << 3 | 2;
constexpr uint8_t kTagHello = 4 << 3 | 2;

constexpr int kLengthBytesMax = 5;
// Below this, copying costs less than sharing.
constexpr size_t kCopiedBytesMax = 1 << 10;

absl::Status Invalid(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("frame: ", why));
}

void AppendVarint(size_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>((value & 0x7f) | 0x80));
  out->push_back(static_cast<char>(value));
}

void AppendLength(uint8_t tag, size_t length, std::string* out) {
  out->push_back(static_cast<char>(tag));
  AppendVarint(length, out);
}

// A slice of the frame's own bytes that keeps the frame alive. gRPC does not write to it.
grpc::Slice Share(const FramePtr& frame, const std::string& bytes) {
  auto* owner = new FramePtr(frame);
  return grpc::Slice(
      const_cast<char*>(bytes.data()), bytes.size(),
      [](void* held) { delete static_cast<FramePtr*>(held); }, owner);
}

// Collects slices: small parts are copied into the one being filled, large ones are shared.
class WireWriter {
 public:
  explicit WireWriter(const FramePtr& frame) : frame_(frame) {}

  void Field(uint8_t tag, const std::string& bytes) {
    if (bytes.empty()) return;
    AppendLength(tag, bytes.size(), &filling_);
    if (bytes.size() <= kCopiedBytesMax) {
      filling_.append(bytes);
      return;
    }
    Flush();
    slices_.push_back(Share(frame_, bytes));
  }
  void Kind(FrameKind kind) {
    filling_.push_back(static_cast<char>(kTagKind));
    filling_.push_back(static_cast<char>(kind));
  }
  grpc::ByteBuffer Finish() && {
    Flush();
    return grpc::ByteBuffer(slices_.data(), slices_.size());
  }

 private:
  void Flush() {
    if (!filling_.empty()) slices_.emplace_back(filling_);
    filling_.clear();
  }

  const FramePtr& frame_;
  std::string filling_;
  std::vector<grpc::Slice> slices_;
};

// Reads through the slices of a buffer from front to back.
class WireReader {
 public:
  explicit WireReader(const grpc::ByteBuffer& wire) {
    if (!wire.Valid() || !wire.Dump(&slices_).ok()) return;
    for (const grpc::Slice& slice : slices_) remaining_ += slice.size();
  }

  size_t remaining() const { return remaining_; }

  // REQUIRES: remaining() > 0.
  uint8_t Byte() {
    uint8_t byte = 0;
    Copy(&byte, 1);
    return byte;
  }
  // REQUIRES: remaining() >= count.
  std::string Take(size_t count) {
    std::string bytes(count, '\0');
    Copy(reinterpret_cast<uint8_t*>(bytes.data()), count);
    return bytes;
  }
  // A length that does not reach past the end.
  absl::StatusOr<size_t> Length() {
    uint64_t value = 0;
    for (int i = 0; i < kLengthBytesMax; ++i) {
      if (remaining_ == 0) return Invalid("cut short");
      const uint8_t byte = Byte();
      value |= uint64_t{byte & 0x7fu} << (7 * i);
      if ((byte & 0x80) != 0) continue;
      if (value > remaining_) return Invalid("cut short");
      return static_cast<size_t>(value);
    }
    return Invalid("a length of more than five bytes");
  }

 private:
  void Copy(uint8_t* to, size_t count) {
    KILN_CHECK_LE(count, remaining_);
    remaining_ -= count;
    while (count > 0) {
      const grpc::Slice& slice = slices_[slice_];
      const size_t part = std::min(count, slice.size() - offset_);
      if (part > 0) std::memcpy(to, slice.begin() + offset_, part);
      to += part;
      count -= part;
      offset_ += part;
      if (offset_ == slice.size()) {
        ++slice_;
        offset_ = 0;
      }
    }
  }

  std::vector<grpc::Slice> slices_;
  size_t slice_ = 0;
  size_t offset_ = 0;  // in slices_[slice_]
  size_t remaining_ = 0;
};

struct WireFields {
  std::optional<uint8_t> kind;
  std::optional<std::string> body;
  std::optional<std::string> payload;
  std::optional<std::string> hello;
};

absl::Status ReadKind(WireReader* in, WireFields* fields) {
  if (fields->kind.has_value()) return Invalid("a repeated field");
  if (in->remaining() == 0) return Invalid("cut short");
  const uint8_t kind = in->Byte();
  if (kind > static_cast<uint8_t>(kLastFrameKind)) {
    return Invalid(absl::StrCat("unknown kind ", kind));
  }
  fields->kind = kind;
  return absl::OkStatus();
}

absl::Status ReadBytes(WireReader* in, std::optional<std::string>* field) {
  if (field->has_value()) return Invalid("a repeated field");
  KILN_ASSIGN_OR_RETURN(const size_t length, in->Length());
  *field = in->Take(length);
  return absl::OkStatus();
}

absl::Status ReadField(WireReader* in, WireFields* fields) {
  switch (in->Byte()) {
    case kTagKind:
      return ReadKind(in, fields);
    case kTagBody:
      return ReadBytes(in, &fields->body);
    case kTagPayload:
      return ReadBytes(in, &fields->payload);
    case kTagHello:
      return ReadBytes(in, &fields->hello);
    default:
      return Invalid("an unknown field");
  }
}

absl::StatusOr<WireFields> ReadFields(const grpc::ByteBuffer& wire, size_t bytes_max) {
  if (wire.Length() > bytes_max) return Invalid(absl::StrCat(wire.Length(), " bytes is too large"));
  WireReader in(wire);
  WireFields fields;
  while (in.remaining() > 0) KILN_RETURN_IF_ERROR(ReadField(&in, &fields));
  return fields;
}

bool CopyExactly(const std::string& from, uint8_t* to, size_t bytes) {
  if (from.size() != bytes) return false;
  std::memcpy(to, from.data(), bytes);
  return true;
}

}  // namespace

grpc::ByteBuffer EncodeWireFrame(const FramePtr& frame) {
  KILN_CHECK(frame->kind != FrameKind::kHello);
  WireWriter out(frame);
  out.Kind(frame->kind);
  out.Field(kTagBody, frame->body);
  if (frame->payload != nullptr) out.Field(kTagPayload, *frame->payload);
  return std::move(out).Finish();
}

grpc::ByteBuffer EncodeWireHello(const Hello& hello) {
  v1::Frame message;
  v1::Hello* fields = message.mutable_hello();
  fields->set_protocol_version(hello.protocol_version);
  fields->set_chain_id(hello.chain_id.bytes.data(), hello.chain_id.bytes.size());
  fields->set_node_key(hello.node_key.data(), hello.node_key.size());
  fields->set_validator_index(hello.index.value);
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

absl::StatusOr<Frame> DecodeWireFrame(const grpc::ByteBuffer& wire, size_t bytes_max) {
  KILN_ASSIGN_OR_RETURN(WireFields fields, ReadFields(wire, bytes_max + kWireOverheadBytesMax));
  if (fields.hello.has_value()) return Invalid("a second hello");
  Frame frame;
  frame.kind = static_cast<FrameKind>(fields.kind.value_or(0));
  if (frame.kind == FrameKind::kHello) return Invalid("without a kind");
  frame.body = std::move(fields.body).value_or("");
  if (fields.payload.has_value()) {
    frame.payload = std::make_shared<const std::string>(*std::move(fields.payload));
  }
  if (frame.bytes() > bytes_max) return Invalid("too large");
  return frame;
}

absl::StatusOr<Hello> DecodeWireHello(const grpc::ByteBuffer& wire) {
  KILN_ASSIGN_OR_RETURN(const WireFields fields, ReadFields(wire, kHelloBytesMax));
  if (!fields.hello.has_value()) return Invalid("a hello must come first");
  if (fields.kind.value_or(0) != 0 || fields.body.has_value() || fields.payload.has_value()) {
    return Invalid("a hello with something else");
  }
  v1::Hello message;
  if (!message.ParseFromString(*fields.hello) ||
      !message.GetReflection()->GetUnknownFields(message).empty()) {
    return Invalid("a malformed hello");
  }
  Hello hello;
  hello.protocol_version = message.protocol_version();
  hello.index = ValidatorIndex{message.validator_index()};
  if (!CopyExactly(message.chain_id(), hello.chain_id.bytes.data(), Hash::kBytes) ||
      !CopyExactly(message.node_key(), hello.node_key.data(), hello.node_key.size())) {
    return Invalid("a hello with a malformed chain id or node key");
  }
  return hello;
}

}  // namespace kiln::network
