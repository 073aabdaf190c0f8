// The values of the store's column families, before they are sealed.
#ifndef KILN_STORAGE_RECORDS_H_
#define KILN_STORAGE_RECORDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "consensus/certificates.h"
#include "consensus/executed_state.h"
#include "kiln/types.h"
#include "storage/store.h"

namespace kiln::storage {

// A block but for its payload. The header comes first, so that it can be read alone.
std::string EncodeBlockRecord(const consensus::Block& block);
struct BlockRecord {
  consensus::Header header;
  consensus::QuorumCertificate justify;
};
absl::StatusOr<BlockRecord> DecodeBlockRecord(absl::string_view bytes);

// Why the block at a height is final: its child, and the QC for the child.
struct CommitRecord {
  consensus::Header child;
  consensus::QuorumCertificate certificate;
};
std::string EncodeCommitRecord(const consensus::Header& child,
                               const consensus::QuorumCertificate& certificate);
absl::StatusOr<CommitRecord> DecodeCommitRecord(absl::string_view bytes);

// Id prefixes and replies are apart, so that a search reads no replies.
std::string EncodeResultIds(const BlockResults& results);
struct ResultIds {
  consensus::ExecutedState state;
  uint64_t total_transactions = 0;
  absl::string_view
      prefixes;  // sizeof(TransactionIdPrefix) bytes each; a view into what was decoded
};
absl::StatusOr<ResultIds> DecodeResultIds(absl::string_view bytes);
std::string EncodeReplies(const std::vector<Reply>& replies);
absl::StatusOr<std::vector<Reply>> DecodeReplies(absl::string_view bytes);

// Ids that one height executed, of which no results are here.
std::string EncodeWindowIds(const std::vector<TransactionIdPrefix>& ids);
absl::StatusOr<std::vector<TransactionIdPrefix>> DecodeWindowIds(absl::string_view bytes);

// At which height a block is, in the index.
std::string EncodeIndexedHeight(Height height);

// The committed head.
struct HeadRecord {
  Height height;
  Hash id;
};
std::string EncodeHead(const HeadRecord& head);
absl::StatusOr<HeadRecord> DecodeHead(absl::string_view bytes);

}  // namespace kiln::storage

#endif  // KILN_STORAGE_RECORDS_H_
