#include "forgedit/work/spawn.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

namespace forgedit {
namespace {

class Spawn : public testing::Test {
 protected:
  Spawn() { ::posix_spawn_file_actions_init(&actions_); }
  ~Spawn() override { ::posix_spawn_file_actions_destroy(&actions_); }
  int status_of(pid_t process) {
    int status = 0;
    EXPECT_EQ(::waitpid(process, &status, 0), process);
    return status;
  }
  posix_spawn_file_actions_t actions_;
  pid_t process_ = 0;
};

TEST_F(Spawn, FindsAProgramAndAddsToTheEnvironment) {
  const std::vector<std::string> command{"sh", "-c", "[ \"$ADDED\" = yes ] && [ -n \"$PATH\" ] && exit 5"};
  ASSERT_EQ(spawn(command, {{"ADDED", "yes"}}, actions_, process_), 0);
  EXPECT_EQ(WEXITSTATUS(status_of(process_)), 5);
}

TEST_F(Spawn, TheProgramGetsSignalsThatThisThreadBlocks) {
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  ASSERT_EQ(spawn({"sleep", "60"}, {}, actions_, process_), 0);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::kill(process_, SIGTERM);
  const int status = status_of(process_);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST_F(Spawn, ReturnsWhyAProgramCannotStart) {
  EXPECT_EQ(spawn({"/nowhere/program"}, {}, actions_, process_), ENOENT);
}

}  // namespace
}  // namespace forgedit
