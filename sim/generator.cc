#include "sim/generator.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "sim/generator_parts.h"

namespace kiln::sim {
namespace {

struct Profile {
  absl::string_view name;
  absl::string_view about;
  void (*generate)(const GeneratorOptions&, SimRandom, Scenario*);
};

const std::vector<Profile>& AllProfiles() {
  static const auto& profiles = *new std::vector<Profile>{
      {"swarm", "a random mix of all faults and attacks", &GenerateSwarm},
      {"crash", "crashes, power losses and broken disks", &GenerateCrash},
      {"byzzfuzz", "one liar with small changes, few rounds", &GenerateByzzfuzz},
      {"twins", "two replicas under one identity, a partition for each round", &GenerateTwins},
      {"wan", "a hundred validators of unequal power, far apart", &GenerateWan},
      {"happy", "four validators and nothing wrong", &GenerateHappy},
  };
  return profiles;
}

// So that one seed means unrelated things to two profiles.
uint64_t Salt(absl::string_view profile) {
  uint64_t salt = 0;
  for (const char letter : profile) salt = salt * 257 + static_cast<uint8_t>(letter);
  return salt;
}

}  // namespace

const std::vector<absl::string_view>& Profiles() {
  static const auto& names = *[] {
    auto* all = new std::vector<absl::string_view>();
    for (const Profile& profile : AllProfiles()) all->push_back(profile.name);
    return all;
  }();
  return names;
}

Scenario Generate(absl::string_view profile, uint64_t seed, const GeneratorOptions& options) {
  for (const Profile& known : AllProfiles()) {
    if (known.name != profile) continue;
    Scenario scenario;
    scenario.name = absl::StrCat(profile, "-", seed);
    scenario.about = std::string(known.about);
    scenario.seed = seed;
    scenario.real_signatures = options.real_signatures;
    SimRandom random(seed);
    known.generate(options, SimRandom(random.Next() ^ Salt(profile)), &scenario);
    return scenario;
  }
  KILN_CHECK(false) << "no such profile: " << profile;
  return {};
}

}  // namespace kiln::sim
