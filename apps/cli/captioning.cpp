#include "apps/cli/captioning.h"

#include <spdlog/fmt/fmt.h>

#include "apps/cli/interrupt.h"
#include "forgedit/core/error.h"
#include "forgedit/io/hub_cache.h"

namespace forgedit::cli {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPublishedCaptioner = "Salesforce/blip-image-captioning-base";

}  // namespace

fs::path find_captioner(const std::string& given, const fs::path& model, const std::string& need) {
  if (!given.empty()) {
    std::error_code error;
    if (!fs::exists(given, error) && !is_repository_name(given))
      throw failure(given + ": no such captioner folder");
    const auto place = find_model(given).path;
    if (!fs::is_directory(place)) throw failure(given + ": expected a captioner folder, found a file");
    return place;
  }
  const auto beside = (fs::is_directory(model) ? model : model.parent_path()) / "captioner";
  if (fs::is_directory(beside)) return beside;
  const auto cache = find_hub_cache();
  if (const auto found = find_in_hub_cache(cache, kPublishedCaptioner)) return found->folder;
  throw usage_error(fmt::format("{}: no captioner (a BLIP model) at {}, nor {} in {}", need, beside.string(),
                                kPublishedCaptioner, cache.string()));
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
