// The kinds of faults: what each does, and what the members of Fault mean for it. A fault names
// replicas by number. `nodes` empty means all.
#ifndef KILN_SIM_FAULTS_H_
#define KILN_SIM_FAULTS_H_

#include <vector>

#include "absl/strings/string_view.h"

namespace kiln::sim {

// Of the whole catalogue, for checks of scenario files and for counting.
struct FaultKind {
  absl::string_view row;
  absl::string_view kind;
  absl::string_view meaning;
};

inline const std::vector<FaultKind>& FaultKinds() {
  static const auto& kinds = *new std::vector<FaultKind>{
      // Links from `nodes` to `peers`, for `for_ms`. `messages` limits it to these kinds:
      // proposal, vote, timeout, certificates, blocks, transactions, block_request,
      // standing_request, standing.
      {"N1", "loss", "each message is lost with probability `amount`"},
      {"N1", "duplication", "each message comes twice with probability `amount`"},
      {"N1", "delay", "each message takes up to `amount` ms longer, uniformly: order is lost"},
      {"N2", "partition", "`nodes` and the rest do not hear each other"},
      {"N2", "mute", "what `nodes` send to the rest is lost"},
      {"N2", "deaf", "what the rest send to `nodes` is lost"},
      {"N2", "ring", "each replica hears only the nearest `amount` on both sides"},
      {"N2", "bridge", "`nodes` and the rest hear each other only through `peers`"},
      {"N3", "clog", "messages from `nodes` to `peers` are held back until the end, then come"},
      {"N3", "slow_link", "the lines of `nodes` carry `amount` bytes per ms"},
      {"N4", "drop", "messages from `nodes` to `peers` are lost; name `messages`"},
      {"N4", "silence_leaders", "what the leaders of the current rounds send is lost"},
      {"N5", "almost_timeout", "every message takes `amount` of the shortest round timeout"},
      // Clocks and scheduling of `nodes`.
      {"C1", "wall_jump", "the wall clock is wrong by `amount` ms; for ever when for_ms is 0"},
      {"C2", "drift", "timers run `amount` percent fast (negative: slow)"},
      {"C3", "pause", "the process stands still for `for_ms`"},
      // Crashes of `nodes`; up again after `for_ms`.
      {"K2", "crash",
       "the process ends; the page cache survives by chance; most of the time its peers see its "
       "streams end, with `amount` 1 always"},
      {"K2", "crash_at_effect", "it ends between two effects: before the `amount`-th from now"},
      {"K3", "crash_loop", "it ends again `amount` ms after each start, until for_ms is over"},
      {"K4", "power_loss", "all of `nodes` end at once, and start one by one"},
      // Disks of `nodes`.
      {"D1", "torn_write", "a crash whose last written record is torn"},
      {"D2", "lost_writes", "a crash that loses all that was not synced"},
      {"D3", "sync_error", "the next sync fails once"},
      {"D4", "lying_sync", "syncs promise and do not keep, for `for_ms`; the end is a crash"},
      {"D5", "rot", "a stored value changes, and the disk notices when it is read"},
      {"D5", "silent_rot",
       "a stored value changes, and the disk does not notice; or a bit of the safety record's does "
       "during a crash"},
      {"D6", "disk_full", "writes fail for lack of room, for `for_ms`"},
      {"D7", "slow_disk", "syncs take `amount` ms"},
      {"D8", "old_copy", "a crash, and the disk is as it was `amount` ms before"},
      {"D8", "old_safety_record", "a crash, and the safety record alone is `amount` ms old"},
      {"D8", "lost_safety_record", "a crash, and the safety record is gone"},
      {"D8", "wrong_disk", "a crash, and the disk is a copy of that of `peers`[0]"},
      // Followed by `kiln recover` after `for_ms`, and by a start when that is done.
      {"D8", "recovered_record", "a crash, and the safety record is gone"},
      {"D8", "recovered_old_record", "a crash, and the safety record alone is `amount` ms old"},
      {"D8", "recovered_copy", "a crash, and the disk is as it was `amount` ms before"},
      {"D8", "recovered_folder", "a crash, and the disk is empty"},
      // Lies of `nodes`: see liar.h for what each does. They last for `for_ms`; 0: for ever.
      {"B1", "equivocate", "two proposals for one round, to two halves"},
      {"B1", "two_justifications", "the same parent under two headers of one round"},
      {"B2", "double_vote", "votes for every proposal seen, also after giving up"},
      {"B2", "vote_and_timeout", "gives up on rounds and votes in them all the same"},
      {"B3", "amnesia", "crashes and starts with a safety record `amount` rounds old"},
      {"B4", "withhold_proposal", "proposes to a quorum less one, or after the timeout"},
      {"B5", "withhold_qc", "proposes on an older QC than it knows, and hides it in timeouts"},
      {"B6", "late_reveal", "keeps certificates back and shows them when others have moved on"},
      {"B7", "forge_certificates", "certificates that are wrong in each of the ways of docs"},
      {"B8", "replay", "old messages, others' messages, and messages of another chain"},
      {"B9", "wrong_proposals", "not its turn, far rounds, wrong links, unknown parents"},
      {"B10", "wrong_contents", "wrong roots, times, duplicates and encodings in its blocks"},
      {"B11", "sync_attack",
       "lies in answers to requests for blocks and snapshots, and floods of requests"},
      {"B11", "false_standing", "lies about where it stands to those who recover"},
      {"B12", "spoofed_votes", "votes and timeouts in others' names"},
      {"B13", "scattered_timeouts", "timeouts for scattered rounds; shows TCs to some alone"},
      {"B14", "wrong_epoch", "certificates and votes of epochs that are not"},
      {"B15", "slow_drip", "everything just before the timeout; leaves out one sender"},
      {"B16", "odd_signatures", "malleable and edge-case signatures (with real_signatures)"},
      {"B17", "mutate", "small changes to what it sends, each with probability `amount`"},
  };
  return kinds;
}

}  // namespace kiln::sim

#endif  // KILN_SIM_FAULTS_H_
