#include <utility>

#include "kiln/node.h"

namespace kiln {

Subscription& Subscription::operator=(Subscription&& other) {
  if (this == &other) return *this;
  if (end_ != nullptr) std::move(end_)();
  end_ = std::move(other.end_);
  other.end_ = nullptr;
  return *this;
}

Subscription::~Subscription() {
  if (end_ != nullptr) std::move(end_)();
}

}  // namespace kiln
