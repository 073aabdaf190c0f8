// The keys of a simulated cluster, and signatures that cost next to nothing.
#ifndef KILN_SIM_SIM_KEYS_H_
#define KILN_SIM_SIM_KEYS_H_

#include <cstdint>
#include <memory>

#include "consensus/signing.h"
#include "kiln/genesis.h"

namespace kiln::sim {

// The most validators that a world has.
inline constexpr uint32_t kSimValidatorsMax = 128;

// A genesis validator with keys that depend on its number alone, so that they are made once for all
// worlds of a process.
GenesisValidator SimGenesisValidator(uint32_t number, uint64_t power);

// Signs for the validator of this number; the caller hands it to nobody else. Real: Ed25519.
// Otherwise a keyed hash of the message, which others can check (by MakeSimVerifier) only because
// the world knows all keys; whoever has no signer cannot make it.
std::unique_ptr<consensus::Signer> MakeSimSigner(uint32_t number, bool real);

// For the signatures of MakeSimSigner of all numbers. Lives as long as the process.
const consensus::SignatureVerifier& SimVerifier(bool real);

}  // namespace kiln::sim

#endif  // KILN_SIM_SIM_KEYS_H_
