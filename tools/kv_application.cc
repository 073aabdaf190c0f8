#include "tools/kv_application.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace kiln::tools {
namespace {

constexpr char kPut = 'P';
constexpr char kDelete = 'D';
constexpr size_t kPutHeaderBytes = 3;  // 'P' and the key's length

}  // namespace

absl::Status CheckKvKey(absl::string_view key) {
  if (key.empty()) return absl::InvalidArgumentError("the key is empty");
  if (key.size() > kKvKeyBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("the key has ", key.size(), " bytes, at most ",
                                                   kKvKeyBytesMax, " are allowed"));
  }
  return absl::OkStatus();
}

std::string EncodeKvPut(absl::string_view key, absl::string_view value) {
  std::string transaction;
  transaction.reserve(kPutHeaderBytes + key.size() + value.size());
  transaction.push_back(kPut);
  transaction.push_back(static_cast<char>(key.size() >> 8));
  transaction.push_back(static_cast<char>(key.size() & 0xFF));
  absl::StrAppend(&transaction, key, value);
  return transaction;
}

std::string EncodeKvDelete(absl::string_view key) {
  return absl::StrCat(absl::string_view(&kDelete, 1), key);
}

absl::StatusOr<KvOperation> DecodeKvOperation(absl::string_view transaction) {
  if (transaction.empty()) return absl::InvalidArgumentError("kv: empty transaction");
  KvOperation operation;
  operation.is_put = transaction[0] == kPut;
  if (operation.is_put) {
    if (transaction.size() < kPutHeaderBytes) {
      return absl::InvalidArgumentError("kv put: no room for the key's length");
    }
    const size_t key_bytes = static_cast<size_t>(static_cast<unsigned char>(transaction[1])) << 8 |
                             static_cast<unsigned char>(transaction[2]);
    if (transaction.size() - kPutHeaderBytes < key_bytes) {
      return absl::InvalidArgumentError("kv put: the key is longer than the transaction");
    }
    operation.key = transaction.substr(kPutHeaderBytes, key_bytes);
    operation.value = transaction.substr(kPutHeaderBytes + key_bytes);
  } else if (transaction[0] == kDelete) {
    operation.key = transaction.substr(1);
  } else {
    return absl::InvalidArgumentError("kv: a transaction starts with 'P' (put) or 'D' (delete)");
  }
  if (const absl::Status key = CheckKvKey(operation.key); !key.ok()) return key;
  return operation;
}

absl::StatusOr<Effects> KvApplication::Execute(const Block& block, State& state) {
  Effects effects;
  effects.replies.reserve(block.transactions.size());
  for (absl::string_view transaction : block.transactions) {
    const absl::StatusOr<KvOperation> operation = DecodeKvOperation(transaction);
    if (!operation.ok()) {
      effects.replies.push_back(Reply::Refused(operation.status().message()));
      continue;
    }
    if (operation->is_put) {
      state.Put(operation->key, operation->value);
    } else {
      state.Delete(operation->key);
    }
    effects.replies.push_back(Reply::Ok());
  }
  return effects;
}

absl::StatusOr<std::string> KvApplication::Query(const StateView& state,
                                                 absl::string_view query) const {
  if (const absl::Status key = CheckKvKey(query); !key.ok()) return key;
  return state.Get(query);
}

absl::Status KvApplication::Check(const StateView& /*state*/, absl::string_view transaction) const {
  return DecodeKvOperation(transaction).status();
}

}  // namespace kiln::tools
