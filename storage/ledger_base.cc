#include "storage/ledger_base.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"
#include "base/status_macros.h"
#include "consensus/codec.h"
#include "crypto/encoding.h"

namespace kiln::storage {
namespace {

constexpr size_t kPartBytesMax = 4096;

}  // namespace

LedgerBase GenesisBase(const Genesis& genesis) {
  return {.header = consensus::GenesisBlock(genesis)->header,
          .commits_height = Height{0},
          .state = consensus::GenesisState(genesis)};
}

std::string EncodeBase(const LedgerBase& base) {
  crypto::Encoder encoder;
  encoder.Bytes(consensus::Encode(base.header))
      .U64(base.commits_height.value)
      .Bytes(consensus::Encode(base.state))
      .U64(base.total_transactions);
  return std::move(encoder).Take();
}

absl::StatusOr<LedgerBase> DecodeBase(absl::string_view bytes) {
  crypto::Decoder decoder("ledger base", bytes);
  LedgerBase base;
  const absl::string_view header = decoder.Bytes(kPartBytesMax);
  base.commits_height = Height{decoder.U64()};
  const absl::string_view state = decoder.Bytes(kPartBytesMax);
  base.total_transactions = decoder.U64();
  KILN_RETURN_IF_ERROR(decoder.Finish());
  KILN_ASSIGN_OR_RETURN(base.header, consensus::DecodeHeader(header));
  KILN_ASSIGN_OR_RETURN(base.state, consensus::DecodeExecutedState(state));
  return base;
}

absl::Status CheckBase(const LedgerBase& base, const Genesis& genesis) {
  const auto wrong = [&](absl::string_view what) {
    return absl::DataLossError(absl::StrCat("what the ledger stands on, height ",
                                            base.height().value, ", contradicts itself: ", what));
  };
  if (base.header.chain_id != genesis.ChainId()) return wrong("it is of another chain");
  if (base.height().value == 0) return wrong("block 0 needs no record");
  if (base.height().value == UINT64_MAX) return wrong("no height is above it");
  if (base.state.height != base.height() || base.state.time_us != base.header.time_us ||
      base.state.epoch != base.header.epoch) {
    return wrong("the state is of another block");
  }
  if (base.commits_height >= base.height()) return wrong("it cannot commit itself");
  return absl::OkStatus();
}

absl::StatusOr<Height> CommitsHeightOf(
    const consensus::Header& head, const LedgerBase& base,
    absl::FunctionRef<absl::StatusOr<consensus::Header>(Height)> header_at) {
  KILN_CHECK_GE(head.height, base.height());
  consensus::Header block = head;
  while (block.height > base.height()) {
    const Height below{block.height.value - 1};
    consensus::Header parent = base.header;
    if (below > base.height()) {
      KILN_ASSIGN_OR_RETURN(parent, header_at(below));
    }
    if (consensus::CommitsParent(parent)) return Height{below.value - 1};
    KILN_MARK("a start looks for consecutive rounds below the head");
    block = parent;
  }
  return base.commits_height;
}

absl::Status PrunedError(Height height, Height lowest) {
  return absl::NotFoundError(absl::StrCat("height ", height.value,
                                          " was pruned: the lowest height here is ", lowest.value));
}

}  // namespace kiln::storage
