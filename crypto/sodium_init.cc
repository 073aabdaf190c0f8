#include "crypto/sodium_init.h"

#include <sodium.h>

#include "base/check.h"

namespace kiln::crypto {
namespace {

bool Start() {
  if (sodium_init() < 0) {
    FailStop("libsodium cannot be initialised",
             "check that the system's source of randomness (/dev/urandom) can be read");
  }
  return true;
}

}  // namespace

void InitSodium() {
  static const bool started = Start();
  KILN_CHECK(started);
}

}  // namespace kiln::crypto
