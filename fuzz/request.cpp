// A request for a job, as the server's clients and lists send it.
#include <nlohmann/json.hpp>

#include "forgedit/jobs/edit_check.h"
#include "forgedit/jobs/learn_check.h"
#include "forgedit/jobs/request_json.h"
#include "forgedit/serve/api_parts.h"
#include "fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace forgedit;
  HttpRequest request;
  request.content_type = "application/json";
  request.body = fuzzing::as_text(data, size);
  RequestRules rules;
  rules.picture = [](const std::string&) { return "picture.png"; };
  try {
    fuzzing::expect_only_errors([&] {
      auto job = request_from_json(json_object_of(request), rules);
      if (const auto* edit = std::get_if<EditJob>(&job)) check_edit_settings(*edit);
      if (auto* learn = std::get_if<LearnRequest>(&job)) {
        take_target(*learn);
        check_learn_settings(*learn);
      }
    });
  } catch (const HttpError&) {
  }
  return 0;
}
