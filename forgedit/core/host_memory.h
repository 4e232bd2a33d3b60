#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace forgedit {

/// Bytes that this process may still allocate: the least of what the machine has free, what its control
/// groups leave (v1 and v2; reclaimable page cache counts as free) and what the limits on address space and
/// data leave (setrlimit). INT64_MAX if nothing limits it. `root` contains proc and sys/fs/cgroup.
std::int64_t free_host_memory(const std::filesystem::path& root = "/");

/// Bytes that the machine and its control groups leave: a part of free_host_memory.
std::int64_t free_machine_memory(const std::filesystem::path& root = "/");

/// Bytes that the limits of this process leave (RLIMIT_AS and RLIMIT_DATA): a part of free_host_memory.
std::int64_t memory_within_limits(const std::filesystem::path& root = "/");

/// Bytes of this process in memory that no file backs (RssAnon); 0 if the system does not report them.
std::int64_t own_host_memory(const std::filesystem::path& root = "/");

/// Throws a failure that begins with `what` if fewer than `bytes` bytes are free.
void require_host_memory(const std::string& what, std::int64_t bytes);

}  // namespace forgedit
