#include <cstring>
#include <string>
#include <vector>

#include "consensus/codec.h"
#include "crypto/encoding.h"
#include "storage/records.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/storage_kinds.h"

namespace kiln::fuzz {
namespace {

bool CheckBlockRecord(absl::string_view input) {
  return IsCanonical(input, storage::DecodeBlockRecord(input),
                     [](const storage::BlockRecord& record) {
                       consensus::Block block;
                       block.header = record.header;
                       block.justify = record.justify;
                       return storage::EncodeBlockRecord(block);
                     });
}

bool CheckCommitRecord(absl::string_view input) {
  return IsCanonical(input, storage::DecodeCommitRecord(input),
                     [](const storage::CommitRecord& record) {
                       return storage::EncodeCommitRecord(record.child, record.certificate);
                     });
}

std::string EncodeAgain(const storage::ResultIds& ids) {
  storage::BlockResults results{.state = ids.state, .total_transactions = ids.total_transactions};
  results.ids.resize(ids.prefixes.size() / sizeof(storage::TransactionIdPrefix));
  if (!ids.prefixes.empty()) {
    std::memcpy(results.ids.data(), ids.prefixes.data(), ids.prefixes.size());
  }
  return storage::EncodeResultIds(results);
}

}  // namespace

// A StorageKind, the record.
KILN_FUZZ_TARGET(storage_record) {
  switch (static_cast<StorageKind>(TakeByte(&input))) {
    case StorageKind::kBlock:
      return CheckBlockRecord(input);
    case StorageKind::kCommit:
      return CheckCommitRecord(input);
    case StorageKind::kResultIds:
      return IsCanonical(input, storage::DecodeResultIds(input), &EncodeAgain);
    case StorageKind::kReplies:
      return IsCanonical(input, storage::DecodeReplies(input), &storage::EncodeReplies);
    case StorageKind::kHead:
      return IsCanonical(input, storage::DecodeHead(input), &storage::EncodeHead);
  }
  return false;
}

}  // namespace kiln::fuzz
