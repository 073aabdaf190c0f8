// How ThreadSanitizer is to run in programs that are linked with this, however they are started.
//
// gRPC and RocksDB come from the system's packages and were built without it: much of what orders
// their accesses cannot be seen, so reports from inside them say nothing. Only the top frame
// counts: below Kiln's code on a gRPC thread there is always gRPC's. The exceptions are functions
// of gRPC's headers that call the standard library's, and no code of ours: they fill and clear what
// a call hands over through a completion queue.
extern "C" {

const char* __tsan_default_options();       // NOLINT: the sanitizer's names
const char* __tsan_default_suppressions();  // NOLINT

const char* __tsan_default_options() {  // NOLINT
  return "ignore_noninstrumented_modules=1";
}

const char* __tsan_default_suppressions() {  // NOLINT
  return "race:^grpc::Status::operator=\n"
         "race:^grpc::internal::CallbackWithStatusTag::\n"
         "race:^grpc::internal::CallbackWithSuccessTag::Clear\n"
         "race:^grpc::internal::CallbackWithSuccessTag::Set\n"
         "race:^grpc::internal::CallOpSendMessage::AddOp\n"
         "race:^grpc::internal::CallOpSendMessage::~\n"
         "race:^grpc::internal::InterceptorBatchMethodsImpl::\n"
         "race_top:^grpc::\n"
         "race_top:^grpc_\n"
         "race_top:^grpc_core::\n"
         "race_top:^rocksdb::\n";
}

}  // extern "C"
