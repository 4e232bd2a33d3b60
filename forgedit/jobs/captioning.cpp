#include "forgedit/jobs/captioning.h"

#include <spdlog/fmt/fmt.h>

#include "forgedit/core/error.h"
#include "forgedit/io/weights/hub_cache.h"

namespace forgedit {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPublishedCaptioner = "Salesforce/blip-image-captioning-base";

}  // namespace

const char* published_captioner() {
  return kPublishedCaptioner;
}

ModelPlace find_captioner(const std::string& given, const fs::path& model, const Places& places,
                          const std::string& field) {
  if (!given.empty()) {
    std::error_code error;
    if (!fs::exists(given, error) && !is_repository_name(given))
      throw failure("captioner", given + ": no such captioner folder");
    auto place = with_field("captioner", [&] { return find_model(given, places); });
    if (!fs::is_directory(place.path))
      throw failure("captioner", given + ": expected a captioner folder, found a file");
    return place;
  }
  const auto beside = (fs::is_directory(model) ? model : model.parent_path()) / "captioner";
  if (fs::is_directory(beside)) return {beside, beside.string(), {}};
  const auto& cache = places.hub_cache;
  if (const auto found = find_in_hub_cache(cache, kPublishedCaptioner)) {
    return {found->folder, kPublishedCaptioner, found->unfinished};
  }
  throw usage_error(
      field, fmt::format("give a {}: there is no captioner (a BLIP model) at {}, nor {} in {}; fetch "
                         "one with: hf download {}",
                         field == "captioner" ? "captioner" : "caption", beside.string(), kPublishedCaptioner,
                         cache.string(), kPublishedCaptioner));
}

Captioner load_captioner(const ModelPlace& place, const c10::Device& device, int threads, JobContext& job) {
  prepare_compute({device, Precision::fp32}, threads);
  const auto load = [&] {
    try {
      return Captioner::load(place.path, device);
    } catch (const Error& error) {
      throw explained(error, place);
    }
  };
  auto captioner = load();
  job.throw_if_stopped();
  job.note(fmt::format("captioner {} on {}", place.name, describe_device(device)));
  return captioner;
}

}  // namespace forgedit
