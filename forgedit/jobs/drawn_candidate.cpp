#include "forgedit/jobs/drawn_candidate.h"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/jobs/sweep.h"
#include "forgedit/jobs/text_values.h"
#include "forgedit/pipelines/records/saved_subject.h"

namespace forgedit {

Candidate drawn_candidate(const DrawRequest& request) {
  require_text("target", request.target);
  const auto method = read_saved_subject(request.learned).method;
  const auto edit = make_request(request.sweep, method, {request.target});
  check_interpolation(request.sweep, edit.interpolation);
  const bool vs = edit.interpolation == Interpolation::vector_subtraction;
  for (const auto& [field, count] :
       {std::pair{"forget", edit.strategies.size()}, std::pair{"gamma", vs ? edit.gammas.size() : 1},
        std::pair{"alpha", vs ? 1 : edit.alphas.size()}, std::pair{"beta", vs ? 1 : edit.betas.size()},
        std::pair{"seeds", all_seeds(edit).size()}}) {
    if (count != 1)
      throw usage_error(field, fmt::format("expected one value, got {}: one image is generated", count));
  }
  if (edit.unlearned)
    throw usage_error("unlearned",
                      "expected false, got true: it generates another image, and only one is generated here");
  return plan_edit({edit}).back();
}

}  // namespace forgedit
