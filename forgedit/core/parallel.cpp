#include "forgedit/core/parallel.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

namespace forgedit {
namespace {

thread_local bool inside_parts = false;

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
  {
    std::vector<std::jthread> threads;
    std::int64_t part = 1;
    try {
      for (; part < parts; ++part) {
        threads.emplace_back([&run, part] {
          at::get_num_threads();  // a thread's first question takes over the default, also after a setting
          at::set_num_threads(1);
          run(part);
        });
      }
    } catch (const std::system_error&) {
      // The system has no more threads: this one does the rest.
      for (; part < parts; ++part) run(part);
    }
    run(0);
  }
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace forgedit
