#include "apps/cli/captioning.h"

#include <spdlog/fmt/fmt.h>

#include "apps/cli/interrupt.h"
#include "forgedit/io/weights/hub_cache.h"

namespace forgedit::cli {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPublishedCaptioner = "Salesforce/blip-image-captioning-base";

}  // namespace

ModelPlace find_captioner(const std::string& given, const fs::path& model, const std::string& need) {
  if (!given.empty()) {
    std::error_code error;
    if (!fs::exists(given, error) && !is_repository_name(given))
      throw failure(given + ": no such captioner folder");
    auto place = find_model(given);
    if (!fs::is_directory(place.path)) throw failure(given + ": expected a captioner folder, found a file");
    return place;
  }
  const auto beside = (fs::is_directory(model) ? model : model.parent_path()) / "captioner";
  if (fs::is_directory(beside)) return {beside, beside.string(), {}};
  const auto cache = find_hub_cache();
  if (const auto found = find_in_hub_cache(cache, kPublishedCaptioner)) {
    return {found->folder, kPublishedCaptioner, found->unfinished};
  }
  throw usage_error(fmt::format("{}: no captioner (a BLIP model) at {}, nor {} in {}", need, beside.string(),
                                kPublishedCaptioner, cache.string()));
}

Captioner load_captioner(const ModelPlace& place, const ComputePolicy& policy, Console& console) {
  prepare_compute(policy);
  const auto load = [&] {
    try {
      return Captioner::load(place.path, policy.device);
    } catch (const Error& error) {
      throw explained(error, place);
    }
  };
  auto captioner = load();
  throw_if_stopped();
  console.note(fmt::format("captioner {} on {}", place.name, describe_device(policy.device)));
  return captioner;
}

std::string write_source(const std::string& captioner, const std::vector<std::string>& targets,
                         const Image& picture, const ModelChoice& choice, Console& console) {
  const auto place = find_captioner(captioner, choice.folder, "--source TEXT or --captioner DIR is needed");
  auto source = source_prompt(load_captioner(place, choice.policy, console).caption(picture), targets);
  console.note(fmt::format("source \"{}\" (--source TEXT overrides it)", source));
  return source;
}

}  // namespace forgedit::cli
