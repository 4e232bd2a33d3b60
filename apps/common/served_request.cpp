#include "apps/common/served_request.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/suggest.h"
#include "forgedit/editing/forgetting.h"
#include "forgedit/jobs/drawn_candidate.h"
#include "forgedit/jobs/edit_check.h"
#include "forgedit/jobs/learn_check.h"
#include "forgedit/jobs/request_json.h"
#include "forgedit/pipelines/records/saved_subject.h"
#include "forgedit/serve/exports.h"
#include "forgedit/serve/learned_folder.h"
#include "forgedit/serve/uploads.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::size_t kMostTextBytes = 4'000;

/// Throws a usage Error for keys that name files of this machine, which clients may not give.
void refuse_places(const json& request) {
  const auto refuse = [](const json& object, const char* key, const std::string& before) {
    if (object.is_object() && object.contains(key)) {
      throw usage_error(before + key, "is not accepted here: the server decides it");
    }
  };
  for (const char* key : {"captioner", "clip", "lpips"}) refuse(request, key, "");
  if (!request.is_object() || !request.contains("auto")) return;
  for (const char* key : {"clip", "lpips"}) refuse(request["auto"], key, "auto.");
}

void check_texts(const json& request) {
  for (const auto& [key, value] : request.items()) {
    if (value.is_string() && value.get_ref<const std::string&>().size() > kMostTextBytes) {
      throw usage_error(key, fmt::format("expected a text of at most {} bytes, got {}", kMostTextBytes,
                                         value.get_ref<const std::string&>().size()));
    }
    if (!value.is_structured()) continue;
    for (const auto& part : value.flatten()) {
      if (part.is_string() && part.get_ref<const std::string&>().size() > kMostTextBytes) {
        throw usage_error(key, fmt::format("expected texts of at most {} bytes, got one of {}",
                                           kMostTextBytes, part.get_ref<const std::string&>().size()));
      }
    }
  }
}

/// The number of edits that a request generates.
double count_of(const EditRequest& request) {
  const bool is_subtraction = request.interpolation == Interpolation::vector_subtraction;
  const double strengths = is_subtraction ? static_cast<double>(request.gammas.size())
                                          : static_cast<double>(request.alphas.size() * request.betas.size());
  return strengths * static_cast<double>(request.targets.size()) *
         static_cast<double>(request.strategies.size()) * static_cast<double>(request.seeds.size()) *
         static_cast<double>(request.repeat);
}

void check_count(const EditJob& job, const std::vector<EditRequest>& requests) {
  double count = 0;
  if (job.automatic) {
    count = static_cast<double>(job.automatic->pictures.value_or(0) * job.targets.size());
  } else {
    for (const auto& request : requests) count += count_of(request);
  }
  if (count <= static_cast<double>(kMostServedPictures)) return;
  throw usage_error("targets",
                    fmt::format("{:.0f} images in one job, expected at most {}", count, kMostServedPictures));
}

/// The name of an export's file or folder. Throws a usage Error for an unknown format.
const char* export_name(const std::string& to) {
  if (to == "lora") return "lora.safetensors";
  if (to == "single-file") return "model.safetensors";
  if (to == "diffusers") return "model";
  throw usage_error("to", "expected diffusers, single-file or lora, got '" + to + "'" +
                              did_you_mean(to, {"diffusers", "single-file", "lora"}));
}

/// Completes a job of each kind and checks what can be checked before a model is loaded.
class Settled {
 public:
  Settled(const std::filesystem::path& data, const std::string& id) : data_(data), id_(id) {}

  void operator()(EditJob& job) const {
    job.out = job_folder(data_, id_);
    // With one image per batch, each image is finished as early as possible, and its bytes do not depend on
    // the other images of the job.
    if (!job.drawing.batch) job.drawing.batch = 1;
    check_count(job, check_edit_settings(job).requests);
  }
  void operator()(const LearnRequest& request) const {
    auto checked = request;
    take_target(checked);
    check_learn_settings(checked);
  }
  void operator()(DrawRequest& request) const {
    request.out = job_folder(data_, id_);
    drawn_candidate(request);
  }
  void operator()(ExportRequest& request) const {
    request.out = export_folder(data_, id_) / export_name(request.to);
    find_forgetting_strategy(request.forget, read_saved_subject(request.learned).method);
  }
  void operator()(const ScoreRequest& request) const {
    if (request.target.empty()) throw usage_error("target", "give the prompt of the edit");
  }
  void operator()(const CaptionRequest&) const {}

 private:
  const std::filesystem::path& data_;
  const std::string& id_;
};

}  // namespace

JobRequest served_request(const json& request, const std::filesystem::path& data, const std::string& id) {
  refuse_places(request);
  check_texts(request);
  RequestRules rules;
  rules.picture = [&](const std::string& picture) { return uploaded_file(data, picture); };
  rules.learned = [&](const std::string& learned) { return kept_learned(data, learned); };
  auto job = request_from_json(request, rules);
  std::visit(Settled(data, id), job);
  return job;
}

}  // namespace forgedit
