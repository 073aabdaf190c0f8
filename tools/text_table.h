// Columns for people: as wide as their widest cell, two spaces apart.
#ifndef KILN_TOOLS_TEXT_TABLE_H_
#define KILN_TOOLS_TEXT_TABLE_H_

#include <string>
#include <vector>

namespace kiln::tools {

// Every row has as many cells as the header. Not thread-safe.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header);
  void Add(std::vector<std::string> row);
  // One line per row, the header first, without trailing spaces; each ends in a newline.
  std::string Render() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_TEXT_TABLE_H_
