#include "forgedit/io/weights/weights_input.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <system_error>
#include <thread>

#include "forgedit/core/error.h"
#include "forgedit/core/host_memory.h"
#include "forgedit/core/torch.h"

namespace forgedit {
namespace {

constexpr std::string_view kLfsPointer = "version https://git-lfs";
constexpr std::uint64_t kAlignment = 64;
/// Adjacent tensors share memory of up to this size, so that small ones are not read one by one.
constexpr std::uint64_t kBlock = std::uint64_t{64} << 20;
constexpr std::uint64_t kReadAtOnce = std::uint64_t{4} << 20;
constexpr std::uint64_t kMostThreads = 8;
/// Parts of at least this size get their own pages, which return to the system when they are freed.
constexpr std::uint64_t kPages = std::uint64_t{1} << 20;
/// Before reading parts of at least this size, the free memory is checked.
constexpr std::uint64_t kCheckedFrom = std::uint64_t{16} << 20;

std::vector<std::int64_t> identity_of(int descriptor) {
  struct stat info {};
  ::fstat(descriptor, &info);
  return {static_cast<std::int64_t>(info.st_dev),
          static_cast<std::int64_t>(info.st_ino),
          info.st_size,
          info.st_mtim.tv_sec,
          info.st_mtim.tv_nsec,
          info.st_ctim.tv_sec,
          info.st_ctim.tv_nsec};
}

std::shared_ptr<char> allocate(std::uint64_t bytes, const std::string& origin) {
  if (bytes < kPages) {
    const auto rounded = (bytes + kAlignment) / kAlignment * kAlignment;
    if (auto* data = static_cast<char*>(std::aligned_alloc(kAlignment, rounded))) {
      return {data, [](char* memory) { std::free(memory); }};
    }
  } else {
    if (bytes >= kCheckedFrom) require_host_memory(origin, static_cast<std::int64_t>(bytes));
    auto* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data != MAP_FAILED) {
      ::madvise(data, bytes, MADV_HUGEPAGE);  // fewer page faults (docs/performance.md)
      return {static_cast<char*>(data), [bytes](char* memory) { ::munmap(memory, bytes); }};
    }
  }
  throw failure(origin + ": its weights do not fit into memory");
}

at::Tensor without_values(const TensorPlace& place) {
  return torch::empty(place.shape, at::TensorOptions().dtype(place.type).device(torch::kMeta));
}

/// A tensor in the block's memory, or a copy if its bytes are not aligned there.
at::Tensor tensor_in(const std::shared_ptr<char>& block, std::uint64_t offset, const TensorPlace& place) {
  const auto options = at::TensorOptions().dtype(place.type);
  if (place.begin == place.end) return torch::empty(place.shape, options);
  char* source = block.get() + offset;
  if (reinterpret_cast<std::uintptr_t>(source) % c10::elementSize(place.type) == 0) {
    return torch::from_blob(
        source, place.shape, [block](void*) {}, options);
  }
  auto copy = torch::empty(place.shape, options);
  std::memcpy(copy.data_ptr(), source, place.end - place.begin);
  return copy;
}

}  // namespace

WeightsInput::WeightsInput(const std::filesystem::path& path) : origin_(path.string()) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error || !std::filesystem::exists(status)) {
    const bool dangling = std::filesystem::is_symlink(std::filesystem::symlink_status(path, error));
    throw failure(origin_ + (dangling ? ": a link to a file that is not there: an unfinished download"
                                      : ": no such file"));
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw failure(origin_ + ": expected a file, but it is no regular file");
  }
  descriptor_.number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_.number < 0) throw failure(origin_ + ": cannot be opened: " + std::strerror(errno));
  // Doubles the read-ahead. On network file systems, this halves the time to read weights.
  ::posix_fadvise(descriptor_.number, 0, 0, POSIX_FADV_SEQUENTIAL);
  identity_ = identity_of(descriptor_.number);
  size_ = static_cast<std::uint64_t>(identity_[2]);
  if (size_ >= kLfsPointer.size() && read(0, kLfsPointer.size()) == kLfsPointer) {
    throw failure(origin_ + ": a git-lfs pointer, not weights: run `git lfs pull`");
  }
}

WeightsInput::Descriptor::~Descriptor() {
  if (number >= 0) ::close(number);
}

void WeightsInput::read_into(char* target, std::uint64_t begin, std::uint64_t bytes) const {
  while (bytes > 0) {
    const auto count = ::pread(descriptor_.number, target, bytes, static_cast<off_t>(begin));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw failure(origin_ + ": cannot be read: " + std::strerror(errno));
    if (count == 0) throw failure(origin_ + ": became shorter while it was read");
    target += count;
    begin += static_cast<std::uint64_t>(count);
    bytes -= static_cast<std::uint64_t>(count);
  }
}

std::string WeightsInput::read(std::uint64_t begin, std::uint64_t bytes) const {
  std::string result(bytes, '\0');
  read_into(result.data(), begin, bytes);
  return result;
}

std::shared_ptr<char> WeightsInput::read_part(std::uint64_t begin, std::uint64_t bytes) const {
  auto part = allocate(bytes, origin_);
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  const auto work = [&] {
    for (std::uint64_t at = 0; !failed && (at = next.fetch_add(kReadAtOnce)) < bytes;) {
      try {
        read_into(part.get() + at, begin + at, std::min(kReadAtOnce, bytes - at));
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
  };
  const auto most = std::min<std::uint64_t>(std::max(1U, std::thread::hardware_concurrency()), kMostThreads);
  std::vector<std::thread> threads;
  try {
    while (threads.size() + 1 < std::min(most, bytes / kReadAtOnce)) threads.emplace_back(work);
  } catch (const std::system_error&) {
    // The system allows no more threads; those that exist do the work.
  }
  work();
  for (auto& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
  return part;
}

void WeightsInput::check_unchanged() const {
  if (identity_of(descriptor_.number) != identity_) throw failure(origin_ + ": changed while it was read");
}

bool no_values(const std::string&) {
  return false;
}

StateDict read_tensors(const WeightsInput& input, const std::vector<TensorPlace>& places,
                       const TensorFilter& wanted) {
  StateDict tensors;
  std::vector<const TensorPlace*> needed;
  std::int64_t bytes = 0;
  for (const auto& place : places) {
    if (wanted && !wanted(place.name)) {
      tensors[place.name] = without_values(place);
      continue;
    }
    needed.push_back(&place);
    bytes += static_cast<std::int64_t>(place.end - place.begin);
  }
  require_host_memory(input.origin(), bytes);
  for (std::size_t first = 0, last = 0; first < needed.size(); first = last) {
    const auto begin = needed[first]->begin;
    auto end = needed[first]->end;
    for (last = first + 1; last < needed.size(); ++last) {
      if (needed[last]->begin != end || needed[last]->end - begin > kBlock) break;
      end = needed[last]->end;
    }
    const auto block = end > begin ? input.read_part(begin, end - begin) : nullptr;
    for (auto i = first; i < last; ++i) {
      tensors[needed[i]->name] = tensor_in(block, needed[i]->begin - begin, *needed[i]);
    }
  }
  input.check_unchanged();
  return tensors;
}

}  // namespace forgedit
