#include "node/signal_watcher.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "base/log.h"

namespace kiln::node {
namespace {

constexpr int kSecondSignalExitStatus = 1;

}  // namespace

SignalWatcher::SignalWatcher() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  KILN_CHECK_EQ(pthread_sigmask(SIG_BLOCK, &signals, nullptr), 0);
  // A closed stderr or socket is an error where it is written to, not a reason to end.
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  KILN_CHECK_EQ(sigaction(SIGPIPE, &ignore, nullptr), 0);

  signal_descriptor_ = signalfd(-1, &signals, SFD_CLOEXEC);
  end_descriptor_ = eventfd(0, EFD_CLOEXEC);
  KILN_CHECK(signal_descriptor_ >= 0 && end_descriptor_ >= 0) << "no descriptors left";
  thread_ = std::thread([this] { Watch(); });
}

SignalWatcher::~SignalWatcher() {
  KILN_CHECK_EQ(eventfd_write(end_descriptor_, 1), 0);
  thread_.join();
  close(signal_descriptor_);
  close(end_descriptor_);
}

void SignalWatcher::SetNode(Node* node) {
  absl::MutexLock lock(&mutex_);
  node_ = node;
}

void SignalWatcher::Watch() {
  for (;;) {
    pollfd watched[] = {{signal_descriptor_, POLLIN, 0}, {end_descriptor_, POLLIN, 0}};
    if (poll(watched, 2, -1) < 0) {
      KILN_CHECK_EQ(errno, EINTR);
      continue;
    }
    if (watched[1].revents != 0) return;
    signalfd_siginfo info;
    if (read(signal_descriptor_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
      OnSignal();
    }
  }
}

void SignalWatcher::OnSignal() {
  absl::MutexLock lock(&mutex_);
  if (was_signalled_) {
    KILN_LOG(kWarning, "node", "second signal: ending at once");
    _exit(kSecondSignalExitStatus);
  }
  was_signalled_ = true;
  if (node_ == nullptr) {
    KILN_LOG(kInfo, "node", "stopped while starting");
    _exit(0);
  }
  KILN_LOG(kInfo, "node", "stopping on a signal");
  node_->Stop();
}

}  // namespace kiln::node
