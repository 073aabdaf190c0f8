#include "sim/sim_recovery.h"

#include <utility>

#include "absl/memory/memory.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "storage/lost_record.h"

namespace kiln::sim {

absl::StatusOr<std::unique_ptr<SimRecovery>> SimRecovery::Begin(
    const Around& around, ValidatorIndex self, std::shared_ptr<storage::Database> database,
    SimRandom* random) {
  KILN_ASSIGN_OR_RETURN(
      const storage::RecordRemains remains,
      storage::FindRecordRemains(*database, *around.genesis, self, *around.signatures));
  Hash nonce;
  for (uint8_t& byte : nonce.bytes) byte = static_cast<uint8_t>(random->Below(256));
  return absl::WrapUnique(new SimRecovery(around, self, std::move(database), nonce, remains.known));
}

SimRecovery::SimRecovery(const Around& around, ValidatorIndex self,
                         std::shared_ptr<storage::Database> database, const Hash& nonce,
                         const consensus::SafetyRecord& known)
    : around_(around),
      self_(self),
      database_(std::move(database)),
      query_(*around.genesis, self, around.validators, around.leaders, around.signatures, nonce,
             known, around.send) {}

absl::StatusOr<std::optional<consensus::SafetyRecord>> SimRecovery::Handle(ValidatorIndex from,
                                                                           network::Frame frame) {
  query_.Handle(from, std::move(frame));
  if (!query_.recovery().HasQuorum()) return std::nullopt;
  const consensus::SafetyRecord record = query_.recovery().Adopt();
  const absl::Status written = storage::WriteRecoveredRecord(database_.get(), *around_.genesis,
                                                             self_, record, *around_.signatures);
  // What was verified one by one holds together.
  KILN_CHECK(!absl::IsInvalidArgument(written)) << written.ToString();
  if (!written.ok()) return written;
  return record;
}

}  // namespace kiln::sim
