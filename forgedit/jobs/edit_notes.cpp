#include "forgedit/jobs/edit_notes.h"

#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>

#include "forgedit/jobs/scoring.h"
#include "forgedit/pipelines/records/saved_edit.h"

namespace forgedit {
namespace {

constexpr double kMinReconstruction = 15.0;  // dB

}  // namespace

void say_defaults(const ModelDefaults& used, JobContext& context) {
  for (const auto& line : defaults_text(used)) context.note("uses the model's own defaults for " + line);
}

void say_resumed(const EditResults& results, const EditResults::Resumed& resumed, std::size_t planned,
                 bool older, JobContext& context) {
  if (resumed.kept > 0) {
    context.note(fmt::format("{} of {} images were finished before and are kept", resumed.kept, planned));
  }
  if (resumed.withheld > 0) {
    context.note(
        fmt::format("{} of {} images were withheld before and stay withheld", resumed.withheld, planned));
  }
  for (const auto& name : results.changed()) context.note(name + " is damaged: it will be generated again");
  if (const auto names = results.older(); older && !names.empty()) context.note(names);
}

void say_learned_for(const LearnedPicture& learned, JobContext& context) {
  if (learned.options.method != LearnMethod::imagic) return;
  context.note("learned with imagic for \"" + learned.source + "\": γ moves from that prompt to the new one");
}

void warn_of_unused_blend(double blend, const std::vector<std::string>& strategies, JobContext& context) {
  const auto restores = [](const std::string& name) { return name != "donotforget"; };
  if (blend == 0 || std::any_of(strategies.begin(), strategies.end(), restores)) return;
  context.warn("blend changes nothing: the strategy donotforget restores no weights");
}

void say_reconstruction(const EditResults& results, JobContext& context) {
  const auto quality = results.reconstruction_db();
  if (!quality) return;
  context.note(fmt::format("reconstruction PSNR {:.1f} dB", *quality));
  if (*quality >= kMinReconstruction) return;
  context.warn(
      fmt::format("the reconstruction is under {:.0f} dB: the model has hardly learned the picture, so the "
                  "edits may show a different subject; look at the reconstruction in {}, and train "
                  "on more samples",
                  kMinReconstruction, kSheetFile));
}

void tell_choice(const Arrangement& arrangement, JobContext& context) {
  auto told = *arrangement.choice;
  auto& points = told["points"] = nlohmann::json::object();
  for (const auto& [stem, scores] : arrangement.scores) points[stem] = *scores;
  context.listener().choice(told);
}

void say_judge(const std::filesystem::path& clip, const EditScorer& scorer, JobContext& context) {
  auto skipped = scorer.skipped();
  if (clip.empty()) {
    context.note("no CLIP model was found, so the diffusion model itself judges the candidates");
    std::erase_if(skipped, [](const auto& metric) { return metric.first.starts_with("clip"); });
  } else {
    context.note("scoring with CLIP: " + clip_name(clip));
  }
  note_skipped(skipped, context);
}

void say_flagged(const EditResults& results, JobContext& context) {
  const auto withheld = results.withheld();
  context.note(
      fmt::format("safety checker: {} of {} images flagged", results.flagged(), results.count() + withheld) +
      (withheld > 0 ? fmt::format("; those are not written, see \"withheld\" in {}", kRecordFile) : ""));
}

std::pair<std::string, bool> what_is_kept(const EditResults& results, const EditJob& job, bool learned) {
  if (results.count() > 0 || learned) {
    return {fmt::format("{} of {} images{} are kept in {}", results.count(), results.planned(),
                        learned ? " and the learned weights" : "", job.out.string()),
            true};
  }
  const auto& save = job.learn.save;
  if (save.empty() || !is_saved_edit(save)) return {"no image was finished", false};
  return {"the learned weights are kept in " + save.string(), true};
}

}  // namespace forgedit
