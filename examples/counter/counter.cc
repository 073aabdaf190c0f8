// Run one validator of a testnet with: counter --home DIR/validator-0
#include "counter.h"

#include <memory>

#include "kiln/node.h"

int main(int argc, char** argv) {
  return kiln::RunNode(argc, argv, std::make_unique<Counter>());
}
