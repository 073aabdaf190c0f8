// Recomputes the hashes inside mutated bytes, so that mutations reach what stands behind the first
// comparison. What is too malformed to mend stays as it is.
#ifndef KILN_TESTS_FUZZ_MEND_H_
#define KILN_TESTS_FUZZ_MEND_H_

#include <string>

#include "absl/strings/string_view.h"
#include "network/frames.h"

namespace kiln::fuzz {

// Justify hash and payload root of an encoded block or proposal.
void MendBlock(absl::string_view payload, std::string* body);
// The same of every block of an encoded answer, and the parent ids, so that each is its
// predecessor's child.
void MendBlocks(std::string* body);
// Whichever of these the frame holds.
void MendFrame(network::Frame* frame);

// Body with the checksum of safety records and key files behind it, in place of the one it has.
std::string WithChecksum(absl::string_view bytes);

// Inputs that are frames: a kind, the body as a part, the payload.
network::Frame TakeFrame(absl::string_view input);
std::string FrameInput(const network::Frame& frame);

}  // namespace kiln::fuzz

#endif  // KILN_TESTS_FUZZ_MEND_H_
