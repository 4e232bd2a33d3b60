#include "forgedit/jobs/job_error.h"

#include <c10/util/Exception.h>

#include <filesystem>
#include <new>

#include "forgedit/core/one_line.h"

namespace forgedit {
namespace {

std::string message_of(const std::exception& error) {
  if (const auto* torch = dynamic_cast<const c10::Error*>(&error)) return torch->what_without_backtrace();
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    return file->path1().string() + ": " + file->code().message();
  }
  return error.what();
}

bool is_out_of_memory(const std::exception& error, const std::string& message) {
  if (dynamic_cast<const std::bad_alloc*>(&error)) return true;
  for (const char* sign : {"out of memory", "can't allocate memory", "not enough memory"}) {
    if (message.find(sign) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

JobError job_error(const std::exception& error) {
  if (const auto* own = dynamic_cast<const Error*>(&error)) {
    return {own->kind(), own->field(), one_line(own->what(), kMostMessage)};
  }
  const auto message = message_of(error);
  if (is_out_of_memory(error, message)) {
    return {ErrorKind::failure, "",
            "out of memory: try a smaller size, batch or draw_batch, or a smaller memory budget"};
  }
  return {ErrorKind::failure, "", one_line(message.substr(0, message.find('\n')), kMostMessage)};
}

}  // namespace forgedit
