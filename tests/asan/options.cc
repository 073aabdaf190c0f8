// What AddressSanitizer's search for leaks is to pass over in programs that are linked with this.
//
// RocksDB 7.8 loses a table in memory when it cannot create the log that goes with it. The process
// ends then: a write that failed is final.
extern "C" {

const char* __lsan_default_suppressions();  // NOLINT: the sanitizer's name

const char* __lsan_default_suppressions() {  // NOLINT
  return "leak:rocksdb::DBImpl::SwitchMemtable\n";
}

}  // extern "C"
