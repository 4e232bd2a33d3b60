#include "forgedit/core/host_memory.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::message_of;

constexpr std::int64_t kMiB = 1 << 20;

/// A machine of files: 8000 MiB free, and what a test adds.
class HostMemory : public testing::TemporaryFolder {
 protected:
  HostMemory() { write("proc/meminfo", "MemTotal: 16384000 kB\nMemAvailable:    8192000 kB\n"); }
  void write(const std::string& name, const std::string& contents) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << contents;
  }
  /// A group of version 2 with its limit and what it uses, in MiB.
  void group(const std::string& name, const std::string& limit, int used, const std::string& stat = "") {
    const auto folder = "sys/fs/cgroup" + name;
    write(folder + "/memory.max", limit + "\n");
    write(folder + "/memory.current", std::to_string(used * kMiB) + "\n");
    write(folder + "/memory.stat", stat);
  }
  static std::string mib(std::int64_t count) { return std::to_string(count * kMiB); }
  std::int64_t free_mib() const { return free_machine_memory(folder_) / kMiB; }
};

TEST_F(HostMemory, IsWhatTheMachineHasFreeWithoutGroups) {
  EXPECT_EQ(free_mib(), 8000);
  fs::remove(folder_ / "proc/meminfo");
  EXPECT_EQ(free_machine_memory(folder_), INT64_MAX);
}

TEST_F(HostMemory, TheTightestGroupOnTheWayUpDecides) {
  write("proc/self/cgroup", "0::/user/run\n");
  group("/user/run", "max", 500);
  group("/user", mib(3000), 1000);
  EXPECT_EQ(free_mib(), 2000);
  group("/user/run", mib(1500), 500);
  EXPECT_EQ(free_mib(), 1000);
  group("/user/run", mib(1500), 2000);
  EXPECT_EQ(free_mib(), 0);
}

TEST_F(HostMemory, PagesOfFilesCanBeGivenUp) {
  write("proc/self/cgroup", "0::/\n");
  group("", mib(1000), 900,
        "anon 1\ninactive_file " + mib(300) + "\nactive_file " + mib(200) + "\nshmem 5\n");
  EXPECT_EQ(free_mib(), 600);
  write("sys/fs/cgroup/memory.high", mib(700));
  EXPECT_EQ(free_mib(), 300) << "over memory.high a group is slowed down without end";
}

// A container sees its own group as the root of the mount, and a name from outside.
TEST_F(HostMemory, AGroupOfAnotherNameIsLookedForAtTheMount) {
  write("proc/self/cgroup", "0::/docker/0123\n");
  group("", mib(2000), 500);
  EXPECT_EQ(free_mib(), 1500);
}

TEST_F(HostMemory, Version1HasOtherNames) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/a/b\n0::/\n");
  write("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", mib(1000));
  write("sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", mib(700));
  write("sys/fs/cgroup/memory/a/b/memory.stat", "inactive_file 0\ntotal_inactive_file " + mib(100) + "\n");
  EXPECT_EQ(free_mib(), 400);
  write("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(free_mib(), 8000);
}

TEST_F(HostMemory, OwnMemoryIsWhatNoFileBacks) {
  write("proc/self/status", "VmRSS:\t 9000 kB\nRssAnon:\t    2048 kB\n");
  EXPECT_EQ(own_host_memory(folder_), 2 * kMiB);
  EXPECT_GT(own_host_memory(), 0);
}

TEST(HostLimits, DataAndAddressSpaceAreCounted) {
  const bool limited = memory_within_limits() != INT64_MAX;  // from outside
  const auto child = ::fork();
  if (child == 0) {  // a limit cannot be taken back everywhere
    const struct rlimit limit { RLIM_INFINITY - 1, RLIM_INFINITY };
    ::setrlimit(RLIMIT_DATA, &limit);
    const bool none = limited || memory_within_limits() == INT64_MAX;
    // Sanitizers take terabytes of address space for themselves.
    const struct rlimit small { std::uint64_t{1} << 50, RLIM_INFINITY };
    ::setrlimit(RLIMIT_DATA, &small);
    const auto left = memory_within_limits();
    ::_exit(none && left > 0 && left < (std::int64_t{1} << 50) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(HostLimits, WhatDoesNotFitIsSaidInOneLine) {
  require_host_memory("a.safetensors", 1);
  if (free_host_memory() == INT64_MAX) GTEST_SKIP() << "nothing says what is free";
  const auto message = message_of([] { require_host_memory("a.safetensors", std::int64_t{1} << 60); });
  EXPECT_TRUE(contains(message, "a.safetensors: needs 1.074e+09 GiB of memory, ")) << message;
}

}  // namespace
}  // namespace forgedit
