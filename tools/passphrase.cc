#include "node/home.h"
#include "tools/command.h"

namespace kiln::tools {

absl::StatusOr<std::string> ReadPassphrase(const PassphraseSource& source) {
  if (!source.file.empty()) return node::ReadPassphraseFile(source.file);
  if (source.descriptor >= 0) return node::ReadPassphraseDescriptor(source.descriptor);
  return std::string();
}

}  // namespace kiln::tools
