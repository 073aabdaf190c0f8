// Tells ThreadSanitizer about the locks of an Abseil that was built without it.
//
// Distributions ship Abseil uninstrumented, so that ThreadSanitizer does not see what its mutexes
// order and reports every guarded member as a race. Linked into tests by the tsan preset, this
// stands in front of the library's functions, calls them, and says what they order. While a
// condition of an Await runs inside the library, accesses are not recorded: the lock is held there,
// but that cannot be seen.
#include <dlfcn.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

extern "C" {
void __tsan_acquire(void* address);                         // NOLINT: the sanitizer's names
void __tsan_release(void* address);                         // NOLINT
void AnnotateIgnoreReadsBegin(const char* file, int line);  // NOLINT
void AnnotateIgnoreReadsEnd(const char* file, int line);    // NOLINT
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}

namespace {

using absl::Condition;
using absl::CondVar;
using absl::Mutex;

struct IgnoreAccesses {
  IgnoreAccesses() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~IgnoreAccesses() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
};

template <typename Function>
Function* Next(const char* symbol) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, symbol));
}

}  // namespace

// Debian's Abseil lives in absl::debian3.
#define KILN_MUTEX "_ZN4absl7debian35Mutex"
#define KILN_CONDVAR "_ZN4absl7debian37CondVar"

#define KILN_LOCKS(name, symbol)                               \
  void name(Mutex* mutex) __asm__(KILN_MUTEX symbol);          \
  void name(Mutex* mutex) {                                    \
    static auto* next = Next<void(Mutex*)>(KILN_MUTEX symbol); \
    next(mutex);                                               \
    __tsan_acquire(mutex);                                     \
  }
#define KILN_UNLOCKS(name, symbol)                             \
  void name(Mutex* mutex) __asm__(KILN_MUTEX symbol);          \
  void name(Mutex* mutex) {                                    \
    static auto* next = Next<void(Mutex*)>(KILN_MUTEX symbol); \
    __tsan_release(mutex);                                     \
    const IgnoreAccesses ignore;                               \
    next(mutex);                                               \
  }
#define KILN_AWAITS(name, symbol, Deadline)                                                \
  bool name(Mutex* mutex, const Condition& condition,                                      \
            Deadline deadline) __asm__(KILN_MUTEX symbol);                                 \
  bool name(Mutex* mutex, const Condition& condition, Deadline deadline) {                 \
    static auto* next = Next<bool(Mutex*, const Condition&, Deadline)>(KILN_MUTEX symbol); \
    __tsan_release(mutex);                                                                 \
    bool result = false;                                                                   \
    {                                                                                      \
      const IgnoreAccesses ignore;                                                         \
      result = next(mutex, condition, deadline);                                           \
    }                                                                                      \
    __tsan_acquire(mutex);                                                                 \
    return result;                                                                         \
  }
#define KILN_WAITS(name, symbol, Deadline)                                                   \
  bool name(CondVar* condvar, Mutex* mutex, Deadline deadline) __asm__(KILN_CONDVAR symbol); \
  bool name(CondVar* condvar, Mutex* mutex, Deadline deadline) {                             \
    static auto* next = Next<bool(CondVar*, Mutex*, Deadline)>(KILN_CONDVAR symbol);         \
    __tsan_release(mutex);                                                                   \
    const bool result = next(condvar, mutex, deadline);                                      \
    __tsan_acquire(mutex);                                                                   \
    return result;                                                                           \
  }

KILN_LOCKS(KilnLock, "4LockEv")
KILN_LOCKS(KilnReaderLock, "10ReaderLockEv")
KILN_UNLOCKS(KilnUnlock, "6UnlockEv")
KILN_UNLOCKS(KilnReaderUnlock, "12ReaderUnlockEv")
KILN_AWAITS(KilnAwaitFor, "16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE", absl::Duration)
KILN_AWAITS(KilnAwaitUntil, "17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE", absl::Time)
KILN_WAITS(KilnWaitFor, "15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE", absl::Duration)
KILN_WAITS(KilnWaitUntil, "16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE", absl::Time)

bool KilnTryLock(Mutex* mutex) __asm__(KILN_MUTEX "7TryLockEv");
bool KilnTryLock(Mutex* mutex) {
  static auto* next = Next<bool(Mutex*)>(KILN_MUTEX "7TryLockEv");
  const bool locked = next(mutex);
  if (locked) __tsan_acquire(mutex);
  return locked;
}

void KilnAwait(Mutex* mutex,
               const Condition& condition) __asm__(KILN_MUTEX "5AwaitERKNS0_9ConditionE");
void KilnAwait(Mutex* mutex, const Condition& condition) {
  static auto* next = Next<void(Mutex*, const Condition&)>(KILN_MUTEX "5AwaitERKNS0_9ConditionE");
  __tsan_release(mutex);
  {
    const IgnoreAccesses ignore;
    next(mutex, condition);
  }
  __tsan_acquire(mutex);
}

void KilnLockWhen(Mutex* mutex,
                  const Condition& condition) __asm__(KILN_MUTEX "8LockWhenERKNS0_9ConditionE");
void KilnLockWhen(Mutex* mutex, const Condition& condition) {
  static auto* next =
      Next<void(Mutex*, const Condition&)>(KILN_MUTEX "8LockWhenERKNS0_9ConditionE");
  {
    const IgnoreAccesses ignore;
    next(mutex, condition);
  }
  __tsan_acquire(mutex);
}

void KilnWait(CondVar* condvar, Mutex* mutex) __asm__(KILN_CONDVAR "4WaitEPNS0_5MutexE");
void KilnWait(CondVar* condvar, Mutex* mutex) {
  static auto* next = Next<void(CondVar*, Mutex*)>(KILN_CONDVAR "4WaitEPNS0_5MutexE");
  __tsan_release(mutex);
  next(condvar, mutex);
  __tsan_acquire(mutex);
}
