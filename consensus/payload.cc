#include "consensus/payload.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "crypto/merkle.h"

namespace kiln::consensus {
namespace {

absl::Status TooLarge(absl::string_view what, uint64_t size, uint64_t limit) {
  return absl::InvalidArgumentError(absl::StrCat(what, " ", size, ", the limit is ", limit));
}

constexpr size_t kEntryBytesMin = kPayloadEntryHeaderBytes + kEnvelopeHeaderBytes;

uint32_t LoadU32(const char* from) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(from[i]);
  return value;
}

void StoreU64(uint64_t value, char* to) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<char>(value >> (8 * i));
}

// No more entries than the bytes can hold: checked before anything is reserved.
absl::Status CheckCount(uint32_t count, size_t bytes_left, const ChainLimits& limits) {
  if (count > limits.block_transactions_max) {
    return TooLarge("payload: transactions:", count, limits.block_transactions_max);
  }
  if (count > bytes_left / kEntryBytesMin) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload: ", count, " transactions do not fit into ", bytes_left, " bytes"));
  }
  return absl::OkStatus();
}

Hash RootOf(const std::vector<PayloadIndex::Entry>& entries) {
  std::vector<Hash> leaves;
  leaves.reserve(entries.size());
  for (const PayloadIndex::Entry& entry : entries) leaves.push_back(entry.leaf);
  return crypto::MerkleRoot(leaves);
}

// Everything of an index but leaves and root.
absl::StatusOr<std::shared_ptr<PayloadIndex>> FindEntries(absl::string_view payload,
                                                          const ChainLimits& limits) {
  if (payload.size() > limits.block_bytes_max) {
    return TooLarge("payload: bytes:", payload.size(), limits.block_bytes_max);
  }
  crypto::Decoder decoder("payload", payload);
  const uint32_t count = decoder.U32();
  KILN_RETURN_IF_ERROR(decoder.status());
  KILN_RETURN_IF_ERROR(CheckCount(count, decoder.remaining(), limits));

  auto index = std::make_shared<PayloadIndex>();
  index->entries.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    const absl::string_view bytes = decoder.Bytes(payload.size());
    KILN_RETURN_IF_ERROR(decoder.status());
    const absl::StatusOr<Envelope> envelope = DecodeEnvelope(bytes, limits);
    if (!envelope.ok()) return Annotate(envelope.status(), absl::StrCat("payload: entry ", i));
    index->entries.push_back({.offset = static_cast<uint32_t>(bytes.data() - payload.data()),
                              .length = static_cast<uint32_t>(bytes.size()),
                              .last_height = envelope->last_height,
                              .id = EnvelopeId(*envelope),
                              .leaf = {}});
  }
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return index;
}

}  // namespace

void AppendEnvelope(const Envelope& envelope, std::string* to) {
  KILN_CHECK_LE(envelope.key.size(), kTransactionKeyBytesMax);
  char header[kEnvelopeHeaderBytes];
  StoreU64(envelope.last_height, header);
  header[8] = static_cast<char>(envelope.key.size());
  to->append(header, sizeof(header));
  to->append(envelope.key.data(), envelope.key.size());
  to->append(envelope.payload.data(), envelope.payload.size());
}

absl::StatusOr<Envelope> DecodeEnvelope(absl::string_view bytes, const ChainLimits& limits) {
  crypto::Decoder decoder("transaction", bytes);
  Envelope envelope;
  envelope.last_height = decoder.U64();
  const size_t key_bytes = decoder.U8();
  if (key_bytes > kTransactionKeyBytesMax) {
    return TooLarge("transaction: bytes of key:", key_bytes, kTransactionKeyBytesMax);
  }
  envelope.key = decoder.Raw(key_bytes);
  envelope.payload = decoder.Raw(decoder.remaining());
  KILN_RETURN_IF_ERROR(decoder.Finish());
  if (envelope.payload.size() > limits.transaction_bytes_max) {
    return TooLarge("transaction: bytes of payload:", envelope.payload.size(),
                    limits.transaction_bytes_max);
  }
  if (envelope.payload.empty() && envelope.key.empty()) {
    return absl::InvalidArgumentError("transaction: neither payload nor key");
  }
  return envelope;
}

Hash EnvelopeId(const Envelope& envelope) {
  KILN_CHECK_LE(envelope.key.size(), kTransactionKeyBytesMax);
  const char key_bytes = static_cast<char>(envelope.key.size());
  return crypto::Hasher(crypto::kDomainTransactionId)
      .Update({&key_bytes, 1})
      .Update(envelope.key)
      .Update(envelope.payload)
      .Finish();
}

Hash LeafOf(const Hash& id, uint64_t last_height) {
  std::array<char, Hash::kBytes + sizeof(last_height)> bytes;
  std::copy(id.view().begin(), id.view().end(), bytes.begin());
  StoreU64(last_height, bytes.data() + Hash::kBytes);
  return crypto::MerkleLeaf({bytes.data(), bytes.size()});
}

PayloadBuilder::PayloadBuilder() : out_(kPayloadHeaderBytes, '\0') {}

void PayloadBuilder::Add(absl::string_view envelope) {
  const auto length = static_cast<uint32_t>(envelope.size());
  for (int shift = 0; shift < 32; shift += 8) out_.push_back(static_cast<char>(length >> shift));
  out_.append(envelope.data(), envelope.size());
  ++count_;
}

void PayloadBuilder::Add(const Envelope& envelope) {
  std::string bytes;
  AppendEnvelope(envelope, &bytes);
  Add(bytes);
}

SharedBytes PayloadBuilder::Finish() && {
  for (size_t i = 0; i < kPayloadHeaderBytes; ++i) {
    out_[i] = static_cast<char>(count_ >> (8 * i));
  }
  return std::make_shared<const std::string>(std::move(out_));
}

absl::StatusOr<std::shared_ptr<const PayloadIndex>> IndexPayload(absl::string_view payload,
                                                                 const ChainLimits& limits) {
  KILN_ASSIGN_OR_RETURN(std::shared_ptr<PayloadIndex> index, FindEntries(payload, limits));
  AddLeaves(index.get());
  return std::shared_ptr<const PayloadIndex>(std::move(index));
}

absl::StatusOr<std::shared_ptr<const PayloadIndex>> IndexBatch(absl::string_view batch,
                                                               const ChainLimits& limits) {
  KILN_ASSIGN_OR_RETURN(std::shared_ptr<PayloadIndex> index, FindEntries(batch, limits));
  return std::shared_ptr<const PayloadIndex>(std::move(index));
}

absl::StatusOr<uint32_t> CountBatch(absl::string_view batch, const ChainLimits& limits) {
  if (batch.size() > limits.block_bytes_max) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch: ", batch.size(), " bytes, the limit is ", limits.block_bytes_max));
  }
  crypto::Decoder decoder("batch", batch);
  const uint32_t count = decoder.U32();
  KILN_RETURN_IF_ERROR(decoder.status());
  if (count == 0 || count > limits.block_transactions_max) {
    return absl::InvalidArgumentError(absl::StrCat(
        "batch: ", count, " transactions, allowed are 1 to ", limits.block_transactions_max));
  }
  if (decoder.remaining() / kEntryBytesMin < count) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch: ", count, " transactions cannot be in ", batch.size(), " bytes"));
  }
  return count;
}

uint32_t ClaimedCount(absl::string_view batch, const ChainLimits& limits) {
  if (batch.size() < kPayloadHeaderBytes) return 1;
  const uint64_t most = std::min<uint64_t>(limits.block_transactions_max, batch.size());
  return static_cast<uint32_t>(std::clamp<uint64_t>(LoadU32(batch.data()), 1, most));
}

void StampLastHeight(Height last_height, std::string* batch) {
  size_t offset = kPayloadHeaderBytes;
  while (offset + kEntryBytesMin <= batch->size()) {
    const size_t length = LoadU32(batch->data() + offset);
    offset += kPayloadEntryHeaderBytes;
    if (length < kEnvelopeHeaderBytes || length > batch->size() - offset) return;
    StoreU64(last_height.value, batch->data() + offset);
    offset += length;
  }
}

void AddLeaves(PayloadIndex* index) {
  for (PayloadIndex::Entry& entry : index->entries) {
    entry.leaf = LeafOf(entry.id, entry.last_height);
  }
  index->root = RootOf(index->entries);
}

const SharedBytes& EmptyPayload() {
  static const SharedBytes* const kEmpty = new SharedBytes(PayloadBuilder().Finish());
  return *kEmpty;
}

const std::shared_ptr<const PayloadIndex>& EmptyPayloadIndex() {
  static const auto* const kEmpty = [] {
    auto index = std::make_shared<PayloadIndex>();
    index->root = crypto::MerkleRoot({});
    return new std::shared_ptr<const PayloadIndex>(std::move(index));
  }();
  return *kEmpty;
}

}  // namespace kiln::consensus
