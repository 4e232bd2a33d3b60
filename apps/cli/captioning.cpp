#include "apps/cli/captioning.h"

#include <spdlog/fmt/fmt.h>

#include "apps/cli/interrupt.h"
#include "forgedit/core/error.h"

namespace forgedit::cli {

namespace fs = std::filesystem;

fs::path find_captioner(const std::string& given, const fs::path& model_folder, const std::string& need) {
  if (!given.empty()) {
    if (!fs::is_directory(given)) throw failure(given + ": no such captioner folder");
    return given;
  }
  const std::vector<fs::path> places{model_folder / "captioner"};
  std::string looked_for;
  for (const auto& place : places) {
    if (fs::is_directory(place)) return place;
    looked_for += (looked_for.empty() ? "" : ", ") + place.string();
  }
  throw usage_error(need + ": no captioner (a BLIP model) at " + looked_for);
}

Captioner load_captioner(const fs::path& folder, const ComputePolicy& policy, Console& console) {
  prepare_compute(policy);
  auto captioner = Captioner::load(folder, policy.device);
  throw_if_stopped();
  console.note(fmt::format("captioner {} on {}", folder.string(), describe_device(policy.device)));
  return captioner;
}

std::string write_source(const std::string& captioner, const std::vector<std::string>& targets,
                         const Image& picture, const ModelChoice& choice, Console& console) {
  const auto folder = find_captioner(captioner, choice.folder, "--source TEXT or --captioner DIR is needed");
  auto source = source_prompt(load_captioner(folder, choice.policy, console).caption(picture), targets);
  console.note(fmt::format("source \"{}\" (--source TEXT says it otherwise)", source));
  return source;
}

}  // namespace forgedit::cli
