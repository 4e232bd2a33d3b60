#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace forgedit {

/// Bytes that this process may still take: the least of what the machine has free, what its control groups
/// leave (v1 and v2, pages of files that can be given up counted as free) and what limits on address space
/// and data leave (setrlimit). INT64_MAX if nothing limits it. `root` contains proc and sys/fs/cgroup.
std::int64_t free_host_memory(const std::filesystem::path& root = "/");

/// Of the former, what the machine and its control groups leave.
std::int64_t free_machine_memory(const std::filesystem::path& root = "/");

/// Of the former, what the limits of this process leave: RLIMIT_AS and RLIMIT_DATA.
std::int64_t memory_within_limits(const std::filesystem::path& root = "/");

/// Bytes that this process holds in memory and no file backs; 0 where the system does not say.
std::int64_t own_host_memory(const std::filesystem::path& root = "/");

/// Throws a failure that begins with `what` where `bytes` more do not fit into what is free.
void require_host_memory(const std::string& what, std::int64_t bytes);

}  // namespace forgedit
