#include "forgedit/jobs/job_context.h"

namespace forgedit {

void JobContext::progress(const Progress& progress) {
  throw_if_stopped();
  if (progress.stage != meter_.stage()) end_stage();
  const double left = meter_.seconds_left(progress);
  listener_.progress(
      {progress.stage, progress.done, progress.total, progress.loss, left, meter_.share(progress, left)});
}

void JobContext::throw_if_stopped() {
  listener_.alive();
  if (!stop_.stopped()) return;
  listener_.stopping();
  stop_.throw_if_stopped();
}

void JobContext::end_stage() {
  if (meter_.stage().empty()) return;
  const auto ended = meter_.end_stage();
  listener_.stage_ended(ended.stage, ended.steps, ended.seconds);
}

}  // namespace forgedit
