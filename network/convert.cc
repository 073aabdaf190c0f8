#include "network/convert.h"

#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "kiln/v1/client.pb.h"

namespace kiln::network {
namespace {

std::string ToBytes(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size()};
}

PeerStatus PeerFromProto(const v1::PeerStatus& peer) {
  return {.name = peer.name(),
          .address = peer.address(),
          .connected = peer.connected(),
          .last_error = peer.last_error()};
}

void PeerToProto(const PeerStatus& peer, v1::PeerStatus* to) {
  to->set_name(peer.name);
  to->set_address(peer.address);
  to->set_connected(peer.connected);
  to->set_last_error(peer.last_error);
}

void CatchUpToProto(const CatchUpStatus& status, v1::CatchUpStatus* to) {
  to->set_height(status.height);
  to->set_target(status.target);
  to->set_blocks_per_second(status.blocks_per_second);
  to->set_seconds_left(status.seconds_left);
}

absl::StatusOr<CatchUpStatus> CatchUpFromProto(const v1::CatchUpStatus& status) {
  if (!std::isfinite(status.blocks_per_second()) || !std::isfinite(status.seconds_left())) {
    return absl::InvalidArgumentError("catching up: a rate or time is no finite number");
  }
  return CatchUpStatus{.height = status.height(),
                       .target = status.target(),
                       .blocks_per_second = status.blocks_per_second(),
                       .seconds_left = status.seconds_left()};
}

void ScrubToProto(const ScrubStatus& status, v1::ScrubStatus* to) {
  to->set_height(status.height);
  to->set_passes(status.passes);
  if (status.last_completed.has_value()) {
    to->set_last_completed_us(absl::ToUnixMicros(*status.last_completed));
  }
  to->set_damaged(status.damaged);
  to->set_repaired(status.repaired);
  to->set_damage(status.damage);
}

ScrubStatus ScrubFromProto(const v1::ScrubStatus& status) {
  ScrubStatus scrub{.height = status.height(),
                    .passes = status.passes(),
                    .last_completed = std::nullopt,
                    .damaged = status.damaged(),
                    .repaired = status.repaired(),
                    .damage = status.damage()};
  if (status.has_last_completed_us()) {
    scrub.last_completed = absl::FromUnixMicros(status.last_completed_us());
  }
  return scrub;
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()),
          std::string(status.message().substr(0, kStatusMessageBytesMax))};
}

absl::StatusCode ToStatusCode(int code) {
  if (code < 0 || code > static_cast<int>(absl::StatusCode::kUnauthenticated)) {
    return absl::StatusCode::kUnknown;
  }
  return static_cast<absl::StatusCode>(code);
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  return {ToStatusCode(status.error_code()), status.error_message()};
}

absl::StatusOr<Hash> HashFromBytes(absl::string_view what, absl::string_view bytes) {
  if (bytes.size() != Hash::kBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": ", bytes.size(), " bytes, must be ", Hash::kBytes));
  }
  Hash hash;
  std::memcpy(hash.bytes.data(), bytes.data(), Hash::kBytes);
  return hash;
}

void ToProto(const NodeStatus& status, v1::StatusReply* to) {
  to->set_chain_name(status.chain_name);
  to->set_chain_id(ToBytes(status.chain_id));
  to->set_validator_name(status.validator_name);
  to->set_epoch(status.epoch);
  to->set_round(status.round);
  to->set_leader(status.leader);
  to->set_committed_height(status.committed_height);
  to->set_executed_height(status.executed_height);
  to->set_head_id(ToBytes(status.head_id));
  to->set_state_root(ToBytes(status.state_root));
  to->set_head_time_us(static_cast<uint64_t>(absl::ToUnixMicros(status.head_time)));
  to->set_committed_transactions(status.committed_transactions);
  to->set_mempool_transactions(status.mempool_transactions);
  to->set_mempool_bytes(status.mempool_bytes);
  to->set_votes_signed(status.votes_signed);
  to->set_ready(status.ready);
  to->set_not_ready_reason(status.not_ready_reason);
  for (const PeerStatus& peer : status.peers) PeerToProto(peer, to->add_peers());
  if (status.catching_up.has_value())
    CatchUpToProto(*status.catching_up, to->mutable_catching_up());
  if (status.scrub.has_value()) ScrubToProto(*status.scrub, to->mutable_scrub());
}

absl::StatusOr<NodeStatus> FromProto(const v1::StatusReply& reply) {
  NodeStatus status;
  KILN_ASSIGN_OR_RETURN(status.chain_id, HashFromBytes("chain id", reply.chain_id()));
  KILN_ASSIGN_OR_RETURN(status.head_id, HashFromBytes("head id", reply.head_id()));
  KILN_ASSIGN_OR_RETURN(status.state_root, HashFromBytes("state root", reply.state_root()));
  status.chain_name = reply.chain_name();
  status.validator_name = reply.validator_name();
  status.epoch = reply.epoch();
  status.round = reply.round();
  status.leader = reply.leader();
  status.committed_height = reply.committed_height();
  status.executed_height = reply.executed_height();
  status.head_time = absl::FromUnixMicros(static_cast<int64_t>(reply.head_time_us()));
  status.committed_transactions = reply.committed_transactions();
  status.mempool_transactions = reply.mempool_transactions();
  status.mempool_bytes = reply.mempool_bytes();
  status.votes_signed = reply.votes_signed();
  status.ready = reply.ready();
  status.not_ready_reason = reply.not_ready_reason();
  for (const v1::PeerStatus& peer : reply.peers()) status.peers.push_back(PeerFromProto(peer));
  if (reply.has_catching_up()) {
    KILN_ASSIGN_OR_RETURN(status.catching_up, CatchUpFromProto(reply.catching_up()));
  }
  if (reply.has_scrub()) status.scrub = ScrubFromProto(reply.scrub());
  return status;
}

void ToProto(const Receipt& receipt, v1::SubmitReply* to) {
  to->set_height(receipt.height);
  to->set_index(receipt.index);
  to->set_block_id(ToBytes(receipt.proof.block_id));
  to->set_code(receipt.reply.code);
  to->set_reply(receipt.reply.bytes);
  to->set_inclusion(receipt.proof.inclusion);
  to->set_finality(receipt.proof.finality);
}

absl::StatusOr<Receipt> FromProto(v1::SubmitReply&& reply) {
  Receipt receipt;
  KILN_ASSIGN_OR_RETURN(receipt.proof.block_id, HashFromBytes("block id", reply.block_id()));
  receipt.height = reply.height();
  receipt.index = reply.index();
  receipt.reply = {reply.code(), std::move(*reply.mutable_reply())};
  receipt.proof.inclusion = std::move(*reply.mutable_inclusion());
  receipt.proof.finality = std::move(*reply.mutable_finality());
  return receipt;
}

absl::Time WallNow() {
  return absl::FromUnixMicros(static_cast<int64_t>(SystemClock()->Read().wall_us));
}

}  // namespace kiln::network
