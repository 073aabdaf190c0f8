// What measuring costs: it must be little beside what it measures.
#include <benchmark/benchmark.h>

#include "base/stage_profile.h"

namespace kiln::bench {
namespace {

// A stage whose CPU time is read at both ends.
void BM_StageTimer(benchmark::State& state) {
  StageProfile profile;
  for (auto _ : state) StageTimer(&profile, Stage::kStep, 1).End();
}
BENCHMARK(BM_StageTimer);

// Decoding and verifying one frame, whose CPU time is read for one in seven.
void BM_StageTimerOfAFrame(benchmark::State& state) {
  StageProfile profile;
  for (auto _ : state) {
    StageTimer timer(&profile, Stage::kDecode, 1);
    timer.Next(Stage::kVerify, 1);
  }
}
BENCHMARK(BM_StageTimerOfAFrame);

}  // namespace
}  // namespace kiln::bench
