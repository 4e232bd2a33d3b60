#include "apps/common/scheduler.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace forgedit {
namespace {

std::string environment(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

std::optional<std::size_t> number(const char* name) {
  const auto text = environment(name);
  const bool is_number =
      !text.empty() && text.size() <= 9 && text.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number) return {};
  return std::stoul(text);
}

}  // namespace

SchedulerJob scheduler_job() {
  SchedulerJob result;
  result.job = environment("SLURM_JOB_ID");
  result.restarts = static_cast<std::int64_t>(number("SLURM_RESTART_COUNT").value_or(0));
  const auto task = number("SLURM_ARRAY_TASK_ID"), first = number("SLURM_ARRAY_TASK_MIN"),
             last = number("SLURM_ARRAY_TASK_MAX");
  if (task && first && last && *task >= *first && *last >= *task) {
    result.place = *task - *first;
    result.places = *last - *first + 1;
  } else if (number("SLURM_STEP_ID")) {  // otherwise the variables describe the job, not this process
    result.places = std::max<std::size_t>(number("SLURM_NTASKS").value_or(1), 1);
    result.place = number("SLURM_PROCID").value_or(0) % result.places;
  } else if (const auto index = number("JOB_COMPLETION_INDEX")) {
    result.place = *index;
    result.places = *index + 1;
  }
  return result;
}

}  // namespace forgedit
