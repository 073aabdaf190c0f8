#include "sim/reference_execution.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "kiln/state.h"

namespace kiln::sim {
namespace {

// Takes a little-endian number off the front. None when there are too few bytes.
std::optional<uint64_t> TakeNumber(absl::string_view* bytes, size_t width) {
  if (bytes->size() < width) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = width; i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>((*bytes)[i - 1]);
  }
  bytes->remove_prefix(width);
  return value;
}

std::optional<absl::string_view> TakeBytes(absl::string_view* bytes, std::optional<uint64_t> size) {
  if (!size.has_value() || bytes->size() < *size) return std::nullopt;
  const absl::string_view taken = bytes->substr(0, *size);
  bytes->remove_prefix(*size);
  return taken;
}

}  // namespace

ReferenceExecution::ReferenceExecution(const Genesis& genesis)
    : limits_(genesis.limits), state_(consensus::GenesisState(genesis)), roots_({state_.Root()}) {}

std::string ReferenceExecution::Execute(const consensus::Block& block, bool clients_alone) {
  const uint64_t height = roots_.size();
  KILN_CHECK_EQ(block.header.height.value, height);
  const std::optional<std::vector<Envelope>> envelopes = Parse(*block.payload);
  if (!envelopes.has_value()) return "its payload is malformed";
  std::string wrong = CheckLimits(*block.payload, *envelopes);

  std::map<std::string, std::string> writes;
  std::vector<Hash> ids;
  std::vector<Reply> replies;
  for (const Envelope& envelope : *envelopes) {
    const Hash id = IdOf(envelope);
    ids.push_back(id);
    replies.push_back(Apply(envelope, id, height, &writes));
    const bool was_executed = replies.back().code < Reply::kFirstEngineCode;
    if (was_executed && !envelope.payload.empty()) ++shown_;
    if (!was_executed || !clients_alone || envelope.payload.empty()) continue;
    const auto submitted = submitted_.find(id);
    const uint32_t times = submitted == submitted_.end() ? 0 : submitted->second;
    if (times == 0) wrong = absl::StrCat("no client submitted transaction ", id.Short());
    if (times > 0 && executed_[id].count > times) {
      wrong = absl::StrCat("transaction ", id.Short(), " was executed ", executed_[id].count,
                           " times and submitted ", times, " times");
    }
  }
  for (const auto& [key, value] : writes) versions_[key].emplace_back(height, value);
  state_.application_root = ApplicationRoot(height, writes, replies);
  state_.height = block.header.height;
  state_.time_us = block.header.time_us;
  state_.epoch = block.header.epoch;
  NameSnapshot(height);
  roots_.push_back(state_.Root());
  results_.push_back({block.id, std::move(ids), std::move(replies)});
  return wrong;
}

std::string ReferenceExecution::CheckReceipt(const Hash& id, const Receipt& receipt) const {
  if (receipt.height == 0 || receipt.height >= results_.size())
    return "no such height is committed";
  const Results& results = results_[receipt.height];
  if (receipt.proof.block_id != results.block_id) return "another block is at that height";
  if (receipt.index >= results.ids.size() || results.ids[receipt.index] != id) {
    return "another transaction is in that place";
  }
  if (receipt.reply.code == Reply::kDuplicate)
    return "it was executed before, and that is the reply";
  return receipt.reply == results.replies[receipt.index] ? "" : "the reply was another";
}

std::optional<Hash> ReferenceExecution::RootAt(uint64_t height) const {
  if (height >= roots_.size()) return std::nullopt;
  return roots_[height];
}

std::map<std::string, std::string> ReferenceExecution::StateAt(uint64_t height) const {
  std::map<std::string, std::string> state;
  for (const auto& [key, versions] : versions_) {
    const auto later =
        std::partition_point(versions.begin(), versions.end(),
                             [height](const auto& version) { return version.first <= height; });
    if (later != versions.begin()) state.emplace_hint(state.end(), key, std::prev(later)->second);
  }
  return state;
}

// payload  = u32 count, then per transaction: u32 length, envelope
// envelope = u64 last height, u8 key length, key, payload
std::optional<std::vector<ReferenceExecution::Envelope>> ReferenceExecution::Parse(
    absl::string_view payload) {
  const std::optional<uint64_t> count = TakeNumber(&payload, 4);
  if (!count.has_value()) return std::nullopt;
  std::vector<Envelope> envelopes;
  for (uint64_t i = 0; i < *count; ++i) {
    std::optional<absl::string_view> bytes = TakeBytes(&payload, TakeNumber(&payload, 4));
    if (!bytes.has_value()) return std::nullopt;
    const std::optional<uint64_t> last_height = TakeNumber(&*bytes, 8);
    const std::optional<absl::string_view> key = TakeBytes(&*bytes, TakeNumber(&*bytes, 1));
    if (!last_height.has_value() || !key.has_value()) return std::nullopt;
    envelopes.push_back({*last_height, std::string(*key), std::string(*bytes)});
  }
  if (!payload.empty()) return std::nullopt;
  return envelopes;
}

// Of u8 key length, key, payload.
Hash ReferenceExecution::IdOf(const Envelope& envelope) {
  const char key_bytes = static_cast<char>(envelope.key.size());
  return crypto::HashBytes("kiln/v1/transaction-id", absl::StrCat(absl::string_view(&key_bytes, 1),
                                                                  envelope.key, envelope.payload));
}

std::string ReferenceExecution::CheckLimits(const std::string& payload,
                                            const std::vector<Envelope>& envelopes) const {
  if (payload.size() > limits_.block_bytes_max) return "it has too many bytes";
  if (envelopes.size() > limits_.block_transactions_max) return "it has too many transactions";
  for (const Envelope& envelope : envelopes) {
    if (envelope.payload.size() > limits_.transaction_bytes_max) return "a transaction is too long";
    if (envelope.key.size() > 64) return "a transaction's key is too long";
  }
  return "";
}

// A transaction may execute at height h only if h <= last height <= h + window, and not if its id
// is among those executed at the `window` heights before or earlier in the block.
Reply ReferenceExecution::Apply(const Envelope& envelope, const Hash& id, uint64_t height,
                                std::map<std::string, std::string>* writes) {
  const uint64_t window = limits_.duplicate_window_blocks;
  if (envelope.last_height < height || envelope.last_height - height > window) {
    return {.code = Reply::kExpired, .bytes = ""};
  }
  Executions& executions = executed_[id];
  if (executions.count > 0 && executions.newest_height + window >= height) {
    return {.code = Reply::kDuplicate, .bytes = ""};
  }
  ++executions.count;
  executions.newest_height = height;
  if (envelope.payload.empty()) return Reply::Ok();  // a barrier, which the application never sees
  return Assign(envelope.payload, writes);
}

Reply ReferenceExecution::Assign(const std::string& payload,
                                 std::map<std::string, std::string>* writes) {
  const size_t sign = payload.find('=');
  const bool is_assignment = sign != std::string::npos && sign > 0 && sign <= kStateKeyBytesMax;
  if (!is_assignment) return Reply::Refused("expected key=value");
  const std::string key = payload.substr(0, sign);
  std::string before;
  if (const auto versions = versions_.find(key); versions != versions_.end()) {
    before = versions->second.back().second;
  }
  if (const auto written = writes->find(key); written != writes->end()) before = written->second;
  (*writes)[key] = payload.substr(sign + 1);
  return Reply::Ok(before);
}

// Digest of: previous root, u64 height, digest of the writes, digest of the results; there are no
// deletions and no events here.
Hash ReferenceExecution::ApplicationRoot(uint64_t height,
                                         const std::map<std::string, std::string>& writes,
                                         const std::vector<Reply>& replies) const {
  crypto::Encoder written;
  written.U64(writes.size());
  for (const auto& [key, value] : writes) written.Bytes(key).U8(1).Bytes(value);
  crypto::Encoder results;
  results.U64(replies.size());
  for (const Reply& reply : replies) results.U32(reply.code).Bytes(reply.bytes);
  results.U64(0);
  crypto::Encoder root;
  root.Digest(state_.application_root)
      .U64(height)
      .Digest(crypto::HashBytes("kiln/v1/state-writes", written.view()))
      .Digest(crypto::HashBytes("kiln/v1/block-results", results.view()));
  return crypto::HashBytes("kiln/v1/application-root", root.view());
}

// At a multiple of the interval the snapshot of one interval before takes its place in the state.
void ReferenceExecution::NameSnapshot(uint64_t height) {
  const uint64_t interval = limits_.snapshot_interval_blocks;
  if (height % interval != 0) return;
  if (height > interval) {
    state_.snapshot_height = {height - interval};
    state_.snapshot_root = SnapshotRoot(height - interval);
  }
  crypto::Encoder head;
  head.Raw(consensus::Encode(state_)).U64(shown_);
  snapshot_head_ = std::move(head).Take();
}

// Merkle root over pieces of 256 KiB of: key and value of "e" (the head), of "u" and each key of
// the state, of "w" and each height of the window (the first halves of the ids executed there).
Hash ReferenceExecution::SnapshotRoot(uint64_t height) const {
  crypto::Encoder stream;
  stream.Bytes("e").Bytes(snapshot_head_);
  for (const auto& [key, value] : StateAt(height)) stream.Bytes("u" + key).Bytes(value);
  const uint64_t window = limits_.duplicate_window_blocks;
  for (uint64_t at = height < window ? 1 : height - window + 1; at <= height; ++at) {
    std::string key = "w";
    for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(at >> shift));
    std::string ids;
    for (size_t i = 0; i < results_[at].ids.size(); ++i) {
      if (results_[at].replies[i].code >= Reply::kFirstEngineCode) continue;
      ids.append(results_[at].ids[i].view().data(), 16);
    }
    stream.Bytes(key).Bytes(ids);
  }
  std::vector<Hash> leaves;
  for (absl::string_view rest = stream.view(); !rest.empty();) {
    const absl::string_view piece = rest.substr(0, 256 << 10);
    leaves.push_back(crypto::MerkleLeaf(piece));
    rest.remove_prefix(piece.size());
  }
  return crypto::MerkleRoot(leaves);
}

}  // namespace kiln::sim
