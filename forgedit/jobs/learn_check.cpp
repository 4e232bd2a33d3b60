#include "forgedit/jobs/learn_check.h"

#include <spdlog/fmt/fmt.h>

#include "forgedit/core/error.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit {

void use_target_as_source(LearnRequest& request, const std::string& target) {
  if (!request.source.empty()) {
    throw usage_error("source", "cannot be combined with method imagic, which trains on the target");
  }
  require_text("target", target);
  request.source = target;
}

void take_target(LearnRequest& request) {
  if (request.options.method == LearnMethod::imagic) return use_target_as_source(request, request.target);
  if (!request.target.empty())
    throw usage_error("target", "needs method imagic, got " + learn_method_name(request.options.method));
}

void check_learn_settings(const LearnRequest& request) {
  if (!request.source.empty() && !request.captioner.empty()) {
    throw usage_error("captioner", "cannot be combined with source: either one sets the caption");
  }
  if (!request.source.empty()) require_text("source", request.source);
  const auto& o = request.options;
  if (o.samples < o.batch) {
    throw usage_error("samples",
                      fmt::format("expected at least one batch of {}, got {}", o.batch, o.samples));
  }
  const bool imagic = o.method == LearnMethod::imagic;
  if (!imagic && o.embedding_samples > 0) {
    throw usage_error("embedding_samples", "needs method imagic, got " + learn_method_name(o.method));
  }
  if (imagic && o.embedding_samples < o.batch) {
    throw usage_error("embedding_samples",
                      fmt::format("expected at least one batch of {}, got {}", o.batch, o.embedding_samples));
  }
  check_tuning(o);
}

}  // namespace forgedit
