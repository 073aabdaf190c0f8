#include "storage/ledger_reader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "crypto/encoding.h"
#include "storage/database.h"
#include "storage/schema.h"

namespace kiln::storage {
namespace {

// What does not decode is damage, whatever the decoder calls it.
absl::Status Damaged(Family family, absl::string_view key, absl::string_view why) {
  return absl::DataLossError(absl::StrCat(Describe(family, key), ": ", why));
}

template <typename T>
absl::StatusOr<T> OrDamaged(absl::StatusOr<T> decoded, Family family, absl::string_view key) {
  if (decoded.ok()) return decoded;
  return Damaged(family, key, decoded.status().message());
}

absl::StatusOr<Hash> DecodeHash(absl::string_view bytes) {
  crypto::Decoder decoder("hash", bytes);
  const Hash hash = decoder.Digest();
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return hash;
}

absl::StatusOr<uint64_t> DecodeNumber(absl::string_view bytes) {
  crypto::Decoder decoder("number", bytes);
  const uint64_t number = decoder.U64();
  KILN_RETURN_IF_ERROR(decoder.Finish());
  return number;
}

void AppendPositions(const TransactionIdPrefix& wanted, absl::string_view prefixes, Height height,
                     std::vector<TransactionPosition>* found) {
  const absl::string_view needle(reinterpret_cast<const char*>(wanted.data()), wanted.size());
  for (size_t at = 0; at < prefixes.size(); at += needle.size()) {
    if (prefixes.substr(at, needle.size()) != needle) continue;
    found->push_back({.height = height, .index = static_cast<uint32_t>(at / needle.size())});
  }
}

}  // namespace

absl::StatusOr<HeadRecord> LedgerReader::Head() const {
  KILN_ASSIGN_OR_RETURN(const std::string bytes,
                        database_->GetSealed(Family::kMetadata, kCommittedKey));
  return OrDamaged(DecodeHead(bytes), Family::kMetadata, kCommittedKey);
}

absl::StatusOr<consensus::SafetyRecord> LedgerReader::Safety() const {
  KILN_ASSIGN_OR_RETURN(const std::string bytes, database_->GetSealed(Family::kSafety, kSafetyKey));
  return OrDamaged(consensus::DecodeSafetyRecord(bytes), Family::kSafety, kSafetyKey);
}

absl::StatusOr<consensus::ExecutedState> LedgerReader::Executed() const {
  KILN_ASSIGN_OR_RETURN(const std::string bytes,
                        database_->GetSealed(Family::kMetadata, kExecutedKey));
  return OrDamaged(consensus::DecodeExecutedState(bytes), Family::kMetadata, kExecutedKey);
}

absl::StatusOr<Hash> LedgerReader::ChainId() const {
  KILN_ASSIGN_OR_RETURN(const std::string bytes,
                        database_->GetSealed(Family::kMetadata, kChainIdKey));
  return OrDamaged(DecodeHash(bytes), Family::kMetadata, kChainIdKey);
}

absl::StatusOr<uint64_t> LedgerReader::FormatVersion() const {
  KILN_ASSIGN_OR_RETURN(const std::string bytes,
                        database_->GetSealed(Family::kMetadata, kFormatVersionKey));
  return OrDamaged(DecodeNumber(bytes), Family::kMetadata, kFormatVersionKey);
}

absl::StatusOr<LedgerBase> LedgerReader::Base() const {
  KILN_ASSIGN_OR_RETURN(const std::string bytes, database_->GetSealed(Family::kMetadata, kBaseKey));
  return OrDamaged(DecodeBase(bytes), Family::kMetadata, kBaseKey);
}

absl::StatusOr<StateSpace> LedgerReader::Space() const {
  const absl::StatusOr<std::string> bytes = database_->GetSealed(Family::kMetadata, kStateSpaceKey);
  if (absl::IsNotFound(bytes.status())) return StateSpace::kFirst;
  KILN_RETURN_IF_ERROR(bytes.status());
  for (const StateSpace space : {StateSpace::kFirst, StateSpace::kSecond}) {
    if (*bytes == std::string(1, static_cast<char>(space))) return space;
  }
  return Damaged(Family::kMetadata, kStateSpaceKey, "it is no space that is known");
}

absl::StatusOr<Hash> LedgerReader::IdAt(Height height) const {
  const std::string key = IdAtHeightKey(height);
  KILN_ASSIGN_OR_RETURN(const std::string bytes, database_->GetSealed(Family::kIndexByHeight, key));
  return OrDamaged(DecodeHash(bytes), Family::kIndexByHeight, key);
}

absl::StatusOr<Height> LedgerReader::HeightOf(const Hash& id) const {
  const std::string key = HeightOfIdKey(id);
  KILN_ASSIGN_OR_RETURN(const std::string bytes, database_->GetSealed(Family::kIndexByHeight, key));
  KILN_ASSIGN_OR_RETURN(const uint64_t height,
                        OrDamaged(DecodeNumber(bytes), Family::kIndexByHeight, key));
  return Height{height};
}

absl::StatusOr<BlockRecord> LedgerReader::Record(Height height, const Hash& id) const {
  const std::string key = BlockKey(height, id);
  KILN_ASSIGN_OR_RETURN(const std::string bytes, database_->Get(Family::kBlocks, key));
  KILN_ASSIGN_OR_RETURN(BlockRecord record,
                        OrDamaged(DecodeBlockRecord(bytes), Family::kBlocks, key));
  if (consensus::HashOf(record.header) != id || record.header.height != height) {
    return Damaged(Family::kBlocks, key, "the header is not the one that was stored");
  }
  if (consensus::HashOf(record.justify) != record.header.justify_hash) {
    return Damaged(Family::kBlocks, key, "the certificate does not have the header's hash");
  }
  return record;
}

absl::StatusOr<consensus::Header> LedgerReader::Header(Height height, const Hash& id) const {
  KILN_ASSIGN_OR_RETURN(BlockRecord record, Record(height, id));
  return std::move(record.header);
}

absl::StatusOr<consensus::SharedBytes> LedgerReader::Payload(
    Height height, const Hash& id, const consensus::Header& header) const {
  if (header.payload_root == consensus::EmptyPayloadIndex()->root) return consensus::EmptyPayload();
  const std::string key = BlockKey(height, id);
  absl::StatusOr<std::string> bytes = database_->Get(Family::kPayloads, key);
  if (absl::IsNotFound(bytes.status())) {
    return Damaged(Family::kPayloads, key, "the payload is missing");
  }
  KILN_RETURN_IF_ERROR(bytes.status());
  return std::make_shared<const std::string>(*std::move(bytes));
}

absl::StatusOr<consensus::BlockPtr> LedgerReader::Block(Height height, const Hash& id) const {
  const std::string key = BlockKey(height, id);
  KILN_ASSIGN_OR_RETURN(BlockRecord record, Record(height, id));
  KILN_ASSIGN_OR_RETURN(consensus::SharedBytes payload, Payload(height, id, record.header));
  KILN_ASSIGN_OR_RETURN(
      auto index, OrDamaged(consensus::IndexPayload(*payload, limits_), Family::kPayloads, key));
  if (index->root != record.header.payload_root) {
    return Damaged(Family::kPayloads, key, "the payload does not have the header's root");
  }
  return consensus::AssembleBlock(record.header, std::move(record.justify), std::move(payload),
                                  std::move(index));
}

absl::StatusOr<std::vector<HeadRecord>> LedgerReader::StoredFrom(Height height) const {
  std::vector<HeadRecord> stored;
  const std::unique_ptr<Iterator> iterator = database_->NewIterator(Family::kBlocks);
  const std::string from = HeightKey(height);
  for (iterator->Seek(from); iterator->Valid(); iterator->Next()) {
    KILN_ASSIGN_OR_RETURN(const BlockKeyParts parts, ParseBlockKey(iterator->key()));
    stored.push_back({.height = parts.height, .id = parts.id});
  }
  KILN_RETURN_IF_ERROR(iterator->status());
  return stored;
}

absl::StatusOr<std::vector<Hash>> LedgerReader::IdsAt(Height height) const {
  std::vector<Hash> ids;
  const std::string end = HeightKey(Height{height.value + 1});
  const std::unique_ptr<Iterator> iterator = database_->NewIterator(Family::kBlocks, end);
  for (iterator->Seek(HeightKey(height)); iterator->Valid(); iterator->Next()) {
    KILN_ASSIGN_OR_RETURN(const BlockKeyParts parts, ParseBlockKey(iterator->key()));
    ids.push_back(parts.id);
  }
  KILN_RETURN_IF_ERROR(iterator->status());
  return ids;
}

absl::StatusOr<Height> LedgerReader::HighestIndexed() const {
  const std::unique_ptr<Iterator> iterator = database_->NewIterator(Family::kIndexByHeight);
  iterator->SeekForPrev(IdAtHeightKey(Height{UINT64_MAX}));
  KILN_RETURN_IF_ERROR(iterator->status());
  if (!iterator->Valid()) return absl::NotFoundError("no height is indexed");
  return ParseIdAtHeightKey(iterator->key());
}

absl::StatusOr<LedgerReader::DirectCommit> LedgerReader::DirectCommitFrom(Height height) const {
  const std::string from = HeightKey(height);
  const absl::StatusOr<std::string> own = database_->GetSealed(Family::kCertificates, from);
  if (own.ok()) {  // as most have, and an iterator costs many times as much
    KILN_ASSIGN_OR_RETURN(CommitRecord record,
                          OrDamaged(DecodeCommitRecord(*own), Family::kCertificates, from));
    return DirectCommit{height, std::move(record)};
  }
  if (!absl::IsNotFound(own.status())) return own.status();
  const std::unique_ptr<Iterator> iterator = database_->NewIterator(Family::kCertificates);
  iterator->Seek(from);
  KILN_RETURN_IF_ERROR(iterator->status());
  if (!iterator->Valid()) {
    return absl::NotFoundError(
        absl::StrCat("no certificate from height ", height.value, " on is stored"));
  }
  const absl::string_view key = iterator->key();
  KILN_ASSIGN_OR_RETURN(const Height found, ParseHeightKey(key));
  KILN_ASSIGN_OR_RETURN(const absl::string_view bytes,
                        Unseal(Family::kCertificates, key, iterator->value()));
  KILN_ASSIGN_OR_RETURN(CommitRecord record,
                        OrDamaged(DecodeCommitRecord(bytes), Family::kCertificates, key));
  return DirectCommit{found, std::move(record)};
}

absl::StatusOr<std::vector<Reply>> LedgerReader::Replies(Height height) const {
  const std::string key = ResultRepliesKey(height);
  KILN_ASSIGN_OR_RETURN(const std::string bytes,
                        database_->GetSealed(Family::kTransactionIndex, key));
  return OrDamaged(DecodeReplies(bytes), Family::kTransactionIndex, key);
}

absl::StatusOr<std::vector<TransactionIdPrefix>> LedgerReader::WindowIds(Height height) const {
  const std::string key = WindowIdsKey(height);
  KILN_ASSIGN_OR_RETURN(const std::string bytes,
                        database_->GetSealed(Family::kTransactionIndex, key));
  return OrDamaged(DecodeWindowIds(bytes), Family::kTransactionIndex, key);
}

absl::StatusOr<BlockResults> LedgerReader::Results(Height height) const {
  const std::string key = ResultIdsKey(height);
  KILN_ASSIGN_OR_RETURN(const std::string bytes,
                        database_->GetSealed(Family::kTransactionIndex, key));
  KILN_ASSIGN_OR_RETURN(const ResultIds ids,
                        OrDamaged(DecodeResultIds(bytes), Family::kTransactionIndex, key));
  BlockResults results{.state = ids.state, .total_transactions = ids.total_transactions};
  results.ids.resize(ids.prefixes.size() / sizeof(TransactionIdPrefix));
  for (size_t i = 0; i < results.ids.size(); ++i) {
    std::copy_n(ids.prefixes.begin() + static_cast<ptrdiff_t>(i * sizeof(TransactionIdPrefix)),
                sizeof(TransactionIdPrefix), results.ids[i].begin());
  }
  KILN_ASSIGN_OR_RETURN(results.replies, Replies(height));
  if (results.replies.size() != results.ids.size() || results.state.height != height) {
    return Damaged(Family::kTransactionIndex, key, "ids, replies and state do not belong together");
  }
  return results;
}

absl::StatusOr<std::vector<TransactionPosition>> LedgerReader::FindPrefix(
    const TransactionIdPrefix& prefix, Height lowest) const {
  std::vector<TransactionPosition> found;
  const std::string first = ResultIdsKey(lowest);
  const std::string last = ResultIdsKey(Height{UINT64_MAX});
  const std::unique_ptr<Iterator> iterator = database_->NewIterator(Family::kTransactionIndex);
  for (iterator->SeekForPrev(last); iterator->Valid(); iterator->Prev()) {
    const absl::string_view key = iterator->key();
    if (key < absl::string_view(first)) break;
    KILN_ASSIGN_OR_RETURN(const absl::string_view bytes,
                          Unseal(Family::kTransactionIndex, key, iterator->value()));
    KILN_ASSIGN_OR_RETURN(const ResultIds ids,
                          OrDamaged(DecodeResultIds(bytes), Family::kTransactionIndex, key));
    AppendPositions(prefix, ids.prefixes, ids.state.height, &found);
  }
  KILN_RETURN_IF_ERROR(iterator->status());
  return found;
}

}  // namespace kiln::storage
