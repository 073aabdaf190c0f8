// Google Benchmark's main, under the conditions of a validator.
#include <benchmark/benchmark.h>

#include "base/lock_cycles.h"
#include "base/log.h"

int main(int argc, char** argv) {
  kiln::StopSearchingForLockCycles();
  kiln::SetLogLevel(kiln::LogLevel::kError);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("kiln_build", KILN_BUILD_TYPE);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
