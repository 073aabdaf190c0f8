// Runs the scripts in testdata/ and compares what the replicas do with what the scripts say they
// do.
//
// To accept a change that you understand, line by line: KILN_REWRITE=1 consensus_test
// --gtest_filter=*Transcripts*
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/consensus/replica_cluster.h"

namespace kiln::consensus {
namespace {

namespace fs = std::filesystem;

uint32_t Number(absl::string_view text) {
  uint32_t value = 0;
  KILN_CHECK(absl::SimpleAtoi(text, &value)) << text;
  return value;
}

// One command and what it printed.
struct Step {
  std::vector<std::string> comments;  // lines that start with #, and empty ones, before the command
  std::string command;
  std::string output;
};

std::vector<Step> ReadScript(const fs::path& path) {
  std::ifstream in(path);
  std::vector<Step> steps;
  Step step;
  std::string line;
  bool in_output = false;
  while (std::getline(in, line)) {
    if (in_output) {
      if (line.empty()) {
        in_output = false;
        steps.push_back(std::exchange(step, Step()));
      } else {
        step.output += line + "\n";
      }
    } else if (line == "----") {
      in_output = true;
    } else if (line.empty() || line[0] == '#') {
      step.comments.push_back(line);
    } else {
      step.command = line;
    }
  }
  if (!step.command.empty()) steps.push_back(step);
  return steps;
}

void WriteScript(const fs::path& path, const std::vector<Step>& steps) {
  std::ofstream out(path);
  for (const Step& step : steps) {
    for (const std::string& comment : step.comments) out << comment << "\n";
    out << step.command << "\n----\n" << step.output << "\n";
  }
}

// The commands:
//   cluster P0 P1 ...       replicas with these powers; all start
//   submit TEXT [I]         a transaction for all replicas, or for one
//   deliver                 everything in flight, and what follows
//   deliver-one I J         the oldest message from I to J
//   drop [KIND] [I J]       what is in flight: all, of a kind, or from I to J
//   partition I.. | J..     groups that cannot hear each other, until `heal`
//   silence I / speak I     nothing that I sends arrives / arrives again
//   lose KIND / keep KIND   no message of this kind arrives / arrives again
//   delay KIND I J          puts aside what is in flight of a kind from I to J; * stands for any
//   release                 puts back what was put aside
//   advance MS              time passes
//   crash I / start I       memory is lost / recovered from disk
//   disconnect I J          replica I's stream to J is down
//   connect I J             it is up again
//   hold I / execute I      execution stops / catches up
//   diverge I               execution gives other results from now on
//   twin I                  leader I, dishonest, sends all a second block for its proposal's round
//   status                  one line for each replica
class Runner {
 public:
  std::string Run(const std::string& command) {
    const std::vector<std::string> words = absl::StrSplit(command, ' ', absl::SkipEmpty());
    Do(words);
    std::vector<std::string> lines;
    if (cluster_ != nullptr) lines.swap(cluster_->log());
    if (cluster_ != nullptr && !cluster_->invariants().violation().empty()) {
      lines.push_back("VIOLATION: " + cluster_->invariants().violation());
    }
    return lines.empty() ? "" : absl::StrJoin(lines, "\n") + "\n";
  }

 private:
  void Do(const std::vector<std::string>& words) {
    const std::string& verb = words[0];
    if (verb == "cluster") return MakeCluster(words);
    if (verb == "submit") {
      return words.size() > 2 ? cluster_->SubmitTo(Number(words[2]), words[1])
                              : cluster_->Submit(words[1]);
    }
    if (verb == "deliver") return cluster_->DeliverAll(Blocked(), lost_kinds_);
    if (verb == "deliver-one") return DeliverOne(Number(words[1]), Number(words[2]));
    if (verb == "drop") return Drop(words);
    if (verb == "delay") return Delay(words);
    if (verb == "release") return Release();
    if (verb == "partition") return Partition(words);
    if (verb == "heal") return groups_.clear();
    if (verb == "silence") return void(silent_.insert(Number(words[1])));
    if (verb == "speak") return void(silent_.erase(Number(words[1])));
    if (verb == "lose") return void(lost_kinds_.insert(words[1]));
    if (verb == "keep") return void(lost_kinds_.erase(words[1]));
    if (verb == "advance") return cluster_->Advance(uint64_t{Number(words[1])} * 1000);
    if (verb == "crash") return cluster_->Crash(Number(words[1]));
    if (verb == "start") return cluster_->Start(Number(words[1]));
    if (verb == "connect") return cluster_->Connect(Number(words[1]), Number(words[2]));
    if (verb == "disconnect") return cluster_->Disconnect(Number(words[1]), Number(words[2]));
    if (verb == "hold") return cluster_->set_execution_held(Number(words[1]), true);
    if (verb == "execute") return cluster_->ReleaseExecution(Number(words[1]));
    if (verb == "diverge") return cluster_->set_diverged(Number(words[1]));
    if (verb == "twin") return Twin(Number(words[1]));
    if (verb == "status") return Status();
    KILN_CHECK(false) << "unknown command " << verb;
  }

  void MakeCluster(const std::vector<std::string>& words) {
    std::vector<uint64_t> powers;
    for (size_t i = 1; i < words.size(); ++i) powers.push_back(Number(words[i]));
    cluster_ = std::make_unique<ReplicaCluster>(ClusterOptions{.powers = powers});
    for (uint32_t i = 0; i < powers.size(); ++i) cluster_->Start(i);
  }

  void DeliverOne(uint32_t from, uint32_t to) {
    for (auto it = cluster_->flight().begin(); it != cluster_->flight().end(); ++it) {
      if (it->from != from || it->to != to) continue;
      const InFlight message = *it;
      cluster_->flight().erase(it);
      return cluster_->Deliver(message);
    }
    cluster_->log().push_back("nothing in flight");
  }

  void Drop(const std::vector<std::string>& words) {
    std::erase_if(cluster_->flight(), [&](const InFlight& message) {
      if (words.size() == 2) return words[1] == KindOf(message.message);
      if (words.size() == 3) {
        return message.from == Number(words[1]) && message.to == Number(words[2]);
      }
      return true;
    });
  }

  void Delay(const std::vector<std::string>& words) {
    const auto matches = [&](const InFlight& message) {
      return (words[1] == "*" || words[1] == KindOf(message.message)) &&
             (words[2] == "*" || Number(words[2]) == message.from) &&
             (words[3] == "*" || Number(words[3]) == message.to);
    };
    for (const InFlight& message : cluster_->flight()) {
      if (matches(message)) delayed_.push_back(message);
    }
    std::erase_if(cluster_->flight(), matches);
  }

  void Release() {
    for (InFlight& message : delayed_) cluster_->flight().push_back(std::move(message));
    delayed_.clear();
  }

  void Partition(const std::vector<std::string>& words) {
    groups_.assign(1, {});
    for (size_t i = 1; i < words.size(); ++i) {
      if (words[i] == "|") {
        groups_.emplace_back();
      } else {
        groups_.back().insert(Number(words[i]));
      }
    }
  }

  std::set<std::pair<uint32_t, uint32_t>> Blocked() const {
    std::set<std::pair<uint32_t, uint32_t>> blocked;
    for (uint32_t from = 0; from < cluster_->size(); ++from) {
      for (uint32_t to = 0; to < cluster_->size(); ++to) {
        bool together = groups_.empty();
        for (const auto& group : groups_) together |= group.contains(from) && group.contains(to);
        if (!together || silent_.contains(from)) blocked.insert({from, to});
      }
    }
    return blocked;
  }

  // The same parent and QC as the honest proposal in flight, other contents.
  void Twin(uint32_t leader) {
    for (const InFlight& message : cluster_->flight()) {
      const auto* proposal = std::get_if<Proposal>(&message.message);
      if (proposal == nullptr || message.from != leader) continue;
      TestWorld& world = cluster_->world();
      Header header = proposal->block->header;
      const SharedBytes payload = PayloadOf({"twin"});
      auto index = IndexPayload(*payload, world.genesis().limits);
      const BlockPtr twin = MakeBlock(header, proposal->block->justify, payload, *std::move(index));
      const Proposal second = world.ProposalOf(twin, proposal->tc);
      cluster_->Name(twin, absl::StrCat("B", header.round.value, "'"));
      for (uint32_t to = 0; to < cluster_->size(); ++to) {
        if (to != leader) cluster_->flight().push_back({leader, to, second});
      }
      return;
    }
    cluster_->log().push_back("no proposal in flight");
  }

  void Status() {
    for (uint32_t i = 0; i < cluster_->size(); ++i) {
      if (!cluster_->is_up(i)) {
        cluster_->log().push_back(absl::StrCat(i, ": down"));
        continue;
      }
      const ReplicaStatus status = cluster_->replica(i).status();
      cluster_->log().push_back(
          absl::StrCat(i, ": round ", status.round.value, ", leader ", status.leader.value,
                       ", high QC ", status.high_qc_round.value, ", committed ",
                       status.committed_height.value, ", executed ", status.executed_height.value,
                       ", voted ", cluster_->replica(i).safety_record().last_voted_round.value,
                       ", locked ", cluster_->replica(i).safety_record().locked_qc_round.value));
    }
  }

  std::unique_ptr<ReplicaCluster> cluster_;
  std::vector<std::set<uint32_t>> groups_;
  std::set<uint32_t> silent_;
  std::set<std::string> lost_kinds_;
  std::vector<InFlight> delayed_;
};

std::vector<std::string> Scripts() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(KILN_SOURCE_DIR "/tests/consensus/testdata")) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Transcripts : public testing::TestWithParam<std::string> {};

TEST_P(Transcripts, AreWhatTheReplicasDo) {
  const fs::path path =
      fs::path(KILN_SOURCE_DIR "/tests/consensus/testdata") / (GetParam() + ".txt");
  std::vector<Step> steps = ReadScript(path);
  ASSERT_FALSE(steps.empty());
  const bool rewrite = std::getenv("KILN_REWRITE") != nullptr;
  Runner runner;
  for (Step& step : steps) {
    const std::string output = runner.Run(step.command);
    if (!rewrite) {
      ASSERT_EQ(output, step.output) << path << ": " << step.command;
    }
    EXPECT_EQ(output.find("VIOLATION"), std::string::npos) << output;
    step.output = output;
  }
  if (rewrite) WriteScript(path, steps);
}

INSTANTIATE_TEST_SUITE_P(Scripts, Transcripts, testing::ValuesIn(Scripts()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace kiln::consensus
