#include "forgedit/core/parallel.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

namespace forgedit {
namespace {

thread_local bool inside_parts = false;

/// Makes operators of this thread run on it alone. at::set_num_threads would also affect all threads that
/// start later.
void use_one_thread() {
  using Set = void (*)(int);
  static const auto set = reinterpret_cast<Set>(::dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  // The first call in a thread sets the default and would overwrite a value that was set before.
  at::get_num_threads();
  if (set) set(1);
}

}  // namespace

void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t first, std::int64_t last)>& work) {
  const auto parts =
      std::min<std::int64_t>(inside_parts ? 1 : at::get_num_threads(), (count + grain - 1) / grain);
  if (parts <= 1) {
    if (count > 0) work(0, count);
    return;
  }
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(parts));
  const auto run = [&](std::int64_t part) {
    inside_parts = true;
    try {
      work(count * part / parts, count * (part + 1) / parts);
    } catch (...) {
      errors[static_cast<std::size_t>(part)] = std::current_exception();
    }
    inside_parts = false;
  };
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(parts));
  std::int64_t part = 1;
  try {
    for (; part < parts; ++part) {
      threads.emplace_back([&run, part] {
        use_one_thread();
        run(part);
      });
    }
  } catch (const std::system_error&) {
    // The system cannot start more threads: this one does the rest.
    for (; part < parts; ++part) run(part);
  }
  run(0);
  for (auto& thread : threads) thread.join();
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace forgedit
