// Text within pages and pictures.
#ifndef KILN_BASE_HTML_H_
#define KILN_BASE_HTML_H_

#include <string>

#include "absl/strings/string_view.h"

namespace kiln {

// Shows as `text` in HTML and SVG, between tags and within quoted attributes.
std::string EscapeHtml(absl::string_view text);

}  // namespace kiln

#endif  // KILN_BASE_HTML_H_
