#include "node/trusted_block.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "consensus/finality.h"

namespace kiln::node {
namespace {

absl::Status CheckId(const TrustedBlock& trusted, const Hash& id) {
  if (id == trusted.id) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the block at height ", trusted.height, " is ", id.ToHex(), ", but ", trusted.id.ToHex(),
      " is the trusted one: compare --trust with its source; if it is right, these validators show "
      "you another chain"));
}

}  // namespace

absl::StatusOr<TrustedBlock> ParseTrustedBlock(absl::string_view text) {
  const size_t colon = text.find(':');
  TrustedBlock trusted;
  const absl::Status wrong = absl::InvalidArgumentError(
      absl::StrCat("--trust: must be HEIGHT:ID, the id in 64 digits (is \"", text, "\")"));
  if (colon == absl::string_view::npos ||
      !absl::SimpleAtoi(text.substr(0, colon), &trusted.height) || trusted.height == 0) {
    return wrong;
  }
  absl::StatusOr<Hash> id = Hash::FromHex(text.substr(colon + 1));
  if (!id.ok()) return wrong;
  trusted.id = *id;
  return trusted;
}

absl::Status CheckTrusted(const TrustedBlock& trusted, const storage::Store& store) {
  const Height height{trusted.height};
  if (height > store.committed_height()) return absl::OkStatus();
  const storage::LedgerBase base = store.base();
  if (height < base.height()) return absl::OkStatus();
  if (height == base.height()) return CheckId(trusted, consensus::HashOf(base.header));
  KILN_ASSIGN_OR_RETURN(const consensus::Header header, store.HeaderAt(height));
  return CheckId(trusted, consensus::HashOf(header));
}

absl::Status CheckTrusted(const TrustedBlock& trusted, const consensus::Commit& commit) {
  for (const consensus::BlockPtr& block : commit.blocks) {
    if (block->header.height.value == trusted.height) return CheckId(trusted, block->id);
  }
  return absl::OkStatus();
}

absl::Status CheckTrusted(const TrustedBlock& trusted, const storage::SnapshotProof& proof,
                          Height committed) {
  const Height height{trusted.height};
  if (height <= committed || height > proof.height) return absl::OkStatus();
  for (const consensus::Header& header : proof.below) {
    if (header.height == height) return CheckId(trusted, consensus::HashOf(header));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("a snapshot of height ", proof.height.value,
                   " cannot be compared with the trusted block at height ", trusted.height,
                   ": trust a block at or above the snapshot's height"));
}

}  // namespace kiln::node
