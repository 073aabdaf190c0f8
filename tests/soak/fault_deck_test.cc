#include "tests/soak/fault_deck.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace kiln::soak {
namespace {

constexpr size_t kRound = 12;  // faults of one round, with a small disk

std::vector<Fault> Deal(const FaultDeckOptions& options, size_t count) {
  FaultDeck deck(options);
  std::vector<Fault> faults;
  for (size_t i = 0; i < count; ++i) faults.push_back(deck.Next());
  return faults;
}

FaultDeckOptions WithSeed(uint64_t seed) {
  return {.seed = seed, .validators = 4, .on_small_disk = 3};
}

TEST(FaultDeck, DealsTheSameFaultsForTheSameSeed) {
  EXPECT_EQ(Deal(WithSeed(7), 100), Deal(WithSeed(7), 100));
  EXPECT_NE(Deal(WithSeed(7), 100), Deal(WithSeed(8), 100));
}

// How much a flipped bit draws depends on the files it finds.
TEST(FaultDeck, WhatAFaultDrawsForItsDetailsChangesNoOtherFault) {
  FaultDeck deck(WithSeed(7));
  std::vector<Fault> faults;
  for (size_t i = 0; i < 50; ++i) {
    faults.push_back(deck.Next());
    Chance details(faults.back().details_seed);
    for (size_t drawn = 0; drawn < i; ++drawn) details.Next();
  }
  EXPECT_EQ(faults, Deal(WithSeed(7), 50));
}

TEST(FaultDeck, GivesEachFaultDetailsOfItsOwn) {
  std::set<uint64_t> seeds;
  for (const Fault& fault : Deal(WithSeed(7), 100)) seeds.insert(fault.details_seed);
  EXPECT_EQ(seeds.size(), 100U);
}

TEST(FaultDeck, HasEachKindInEachRound) {
  const std::vector<Fault> faults = Deal(WithSeed(7), 5 * kRound);
  for (size_t round = 0; round < 5; ++round) {
    std::set<FaultKind> kinds;
    for (size_t i = 0; i < kRound; ++i) kinds.insert(faults[round * kRound + i].kind);
    EXPECT_EQ(kinds.size(), kFaultKinds) << "round " << round;
  }
}

TEST(FaultDeck, FillsNoDiskWhereNoneIsSmall) {
  for (const Fault& fault :
       Deal({.seed = 7, .validators = 4, .on_small_disk = std::nullopt}, 100)) {
    EXPECT_NE(fault.kind, FaultKind::kDiskLow);
    EXPECT_NE(fault.kind, FaultKind::kDiskFull);
  }
}

TEST(FaultDeck, FillsTheSmallDiskAndBefallsEveryValidator) {
  std::map<FaultKind, std::set<size_t>> befallen;
  for (const Fault& fault : Deal(WithSeed(7), 40 * kRound)) {
    EXPECT_LT(fault.validator, 4U);
    befallen[fault.kind].insert(fault.validator);
  }
  EXPECT_EQ(befallen[FaultKind::kDiskFull], std::set<size_t>{3});
  EXPECT_EQ(befallen[FaultKind::kDiskLow], std::set<size_t>{3});
  EXPECT_EQ(befallen[FaultKind::kKill].size(), 4U);
  EXPECT_EQ(befallen[FaultKind::kDamage].size(), 4U);
}

TEST(FaultDeck, DealsOneKindAloneWhenToldTo) {
  FaultDeckOptions options = WithSeed(7);
  options.only = FaultKindOf("disk full");
  ASSERT_EQ(options.only, FaultKind::kDiskFull);
  for (const Fault& fault : Deal(options, 50)) EXPECT_EQ(fault.kind, FaultKind::kDiskFull);
  EXPECT_EQ(FaultKindOf("disk fool"), std::nullopt);
}

TEST(FaultDeck, SaysWhatAFaultIs) {
  EXPECT_EQ(Describe({.kind = FaultKind::kKill, .validator = 2, .lasts = absl::Milliseconds(1200)}),
            "kill -9 of validator-2, down for 1.2s");
  EXPECT_EQ(Describe({.kind = FaultKind::kDamage,
                      .validator = 1,
                      .lasts = absl::Seconds(2),
                      .by_sigterm = true}),
            "a bit flips on the disk of validator-1, after SIGTERM; it may go on for 2s");
}

}  // namespace
}  // namespace kiln::soak
